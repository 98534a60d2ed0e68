package relay

// SetVersions has a relay understand other versions of the wire, before it runs.
func (r *Relay) SetVersions(newest, oldest int) { r.version, r.oldest = newest, oldest }

// SetBucket has a relay take its lease elsewhere, before it runs: two with other buckets lead
// at once.
func (r *Relay) SetBucket(name string) { r.bucketName = name }

// LeadSubject is where a relay says that it leads.
const LeadSubject = leadSubject
