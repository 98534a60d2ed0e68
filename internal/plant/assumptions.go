package plant

import "slices"

// An Assumption is something that the plant takes for granted although the vendors' texts do
// not say it, and that a real site may contradict. A test switches it by its name
// (Config.Assumptions). docs/assumptions.md has the whole numbered list, the sources, and
// how each is settled.
type Assumption string

// The assumptions about L2L that can be switched.
const (
	KeyInHeader         Assumption = "key-header"
	KeyInBody           Assumption = "key-body"
	WrongKeyIs401       Assumption = "l2l-wrong-key-401"
	LimitAboveOne       Assumption = "limit-above-1"
	ReportedGTE         Assumption = "reported-gte"
	CreatedGTE          Assumption = "created-gte"
	DispatchByID        Assumption = "dispatch-by-id"
	ReportedOnOpen      Assumption = "dispatch-reported"
	CompletedOnAdd      Assumption = "dispatch-completed"
	ClosedListed        Assumption = "closed-listed"
	CompletedNotOpen    Assumption = "completed-not-open"
	DescriptionReturned Assumption = "description-returned"
	RecordSaysOpen      Assumption = "record-says-open"
	UnknownCodeRefused  Assumption = "unknown-code-refused"
	RepeatSaysSo        Assumption = "repeat-says-so"
	DispatchAnswered    Assumption = "dispatch-answered"
	SequenceByID        Assumption = "buildsequence-by-id"
	ProductByID         Assumption = "productcomponents"
	ExternalIDs         Assumption = "external-ids"
	NoOrderIsNull       Assumption = "no-order-null"
	ChangeoverCompletes Assumption = "changeover-completes"
	LineIdles           Assumption = "line-idles"
	OrderAnswered       Assumption = "order-answered"
	LineCodeReturned    Assumption = "linecode-returned"
	SitesReadable       Assumption = "sites"
	OpenFalse           Assumption = "open-false"
	PitchDetailsListed  Assumption = "pitchdetails-list"
	ExternalIDReturned  Assumption = "externalid-returned"
)

// The assumptions about Lagerkoll that can be switched.
const (
	ErrorIs400        Assumption = "lagerkoll-error-400"
	CredentialsAre401 Assumption = "lagerkoll-wrong-key-401"
	QuotedAnswers     Assumption = "quoted-answers"
	NativeRequests    Assumption = "native-requests"
	TraceAdds         Assumption = "trace-adds"
	TraceWaste        Assumption = "trace-waste"
	BatchList         Assumption = "batch-list"
	BatchReadable     Assumption = "batch-readable"
	QueryByReference  Assumption = "query-by-reference"
	OrdersInEnvelope  Assumption = "orders-in-envelope"
	ReferenceUnique   Assumption = "reference-unique"
	ArticleOnce       Assumption = "article-once"
	UpdateReplaces    Assumption = "update-replaces"
	ArticleSets       Assumption = "article-sets"
	EndTwiceRefused   Assumption = "end-twice-refused"
	BestBeforeMillis  Assumption = "best-before-ms"
	SlashEncoded      Assumption = "slash-encoded"
	InternalReturned  Assumption = "internal-returned"
)

// Position is what a switched assumption is put to.
type Position string

// The positions. The zero value leaves the assumption standing.
const (
	Stands    Position = ""          // the vendor behaves as assumed
	Refused   Position = "refused"   // a request that relies on it is refused
	Ignored   Position = "ignored"   // the vendor takes no notice and says nothing
	Otherwise Position = "otherwise" // the other behaviour that docs/assumptions.md names
)

// A Switch is one assumption with the positions that it can be put to, besides
// standing.
type Switch struct {
	Assumption Assumption
	Number     int // in docs/assumptions.md: 8 is A8
	Positions  []Position
}

// Switches lists every assumption that can be switched, in the order of their
// numbers, so that a test can go through all of them.
func Switches() []Switch {
	either := []Position{Refused, Ignored}
	ignored := []Position{Ignored}
	other := []Position{Otherwise}
	return []Switch{
		{KeyInHeader, 1, either},
		{KeyInBody, 2, either},
		{WrongKeyIs401, 3, other},
		{LimitAboveOne, 8, either},
		{ReportedGTE, 9, either},
		{CreatedGTE, 10, either},
		{DispatchByID, 11, either},
		{ReportedOnOpen, 12, either},
		{CompletedOnAdd, 13, either},
		{ClosedListed, 14, ignored},
		{CompletedNotOpen, 15, other},
		{DescriptionReturned, 16, ignored},
		{RecordSaysOpen, 17, []Position{Ignored, Otherwise}},
		{UnknownCodeRefused, 18, ignored},
		{RepeatSaysSo, 20, other},
		{DispatchAnswered, 21, ignored},
		{SequenceByID, 24, either},
		{ProductByID, 25, either},
		{ExternalIDs, 26, either},
		{NoOrderIsNull, 27, other},
		{ChangeoverCompletes, 28, other},
		{LineIdles, 29, other},
		{OrderAnswered, 30, ignored},
		{LineCodeReturned, 31, ignored},
		{SitesReadable, 34, []Position{Refused}},
		{ErrorIs400, 40, other},
		{CredentialsAre401, 41, other},
		{QuotedAnswers, 43, other},
		{NativeRequests, 44, other},
		{TraceAdds, 45, other},
		{TraceWaste, 46, either},
		{BatchList, 48, other},
		{BatchReadable, 49, either},
		{QueryByReference, 50, []Position{Refused, Ignored, Otherwise}},
		{OrdersInEnvelope, 51, other},
		{ReferenceUnique, 52, ignored},
		{UpdateReplaces, 54, other},
		{ArticleSets, 55, other},
		{EndTwiceRefused, 57, other},
		{BestBeforeMillis, 58, ignored},
		{SlashEncoded, 59, []Position{Refused}},
		{ArticleOnce, 63, ignored},
		{OpenFalse, 69, either},
		{PitchDetailsListed, 70, either},
		{ExternalIDReturned, 71, ignored},
		{InternalReturned, 72, ignored},
	}
}

// canBe reports whether the assumption can be put to that position.
func canBe(a Assumption, pos Position) bool {
	return slices.ContainsFunc(Switches(), func(s Switch) bool {
		return s.Assumption == a && (pos == Stands || slices.Contains(s.Positions, pos))
	})
}
