// Package api makes one HTTP round trip to a vendor and says what it came to.
//
// The question after a round trip is never whether it failed but what the
// vendor may have done. One function, [roundTrip.outcome], answers it for both
// vendors; what a vendor's body says is told to it by the vendor's package.
//
// The client writes each request at most once: no redirects are followed, no
// cookies kept, no Idempotency-Key header sent (net/http would take one as leave
// to send a POST again), and only HTTP/1.1 is spoken, because HTTP/2 resends by
// rules of its own.
package api
