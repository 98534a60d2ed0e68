package api

import (
	"errors"
	"fmt"
	"slices"

	"stationd/internal/station"
)

// CheckDelivery says why a delivery cannot be for a backend that speaks to `to` and has
// these verbs; nil when it can. Texts that a field must have are there when it
// returns nil, and no field is that the verb does not know: leaving one out
// would do something else than was asked for. The error wraps
// station.ErrMisfit: the vendor is not asked.
func CheckDelivery(d station.Delivery, to string, verbs []station.Verb) error {
	why, kind, about := deliveryFault(d, to, verbs)
	if why == "" {
		return nil
	}
	return station.Because(fmt.Errorf("%w: %s", station.ErrMisfit, why), kind, about...)
}

// deliveryFault is why a delivery cannot be for the backend, "" when it can; kind and about
// are its station.Reason.
func deliveryFault(d station.Delivery, to string, verbs []station.Verb) (why, kind string, about []string) {
	if d.To != to {
		return fmt.Sprintf("meant for %s: this station now speaks to %s", d.To, to), "other-address", []string{"from", d.To, "to", to}
	}
	i := slices.IndexFunc(verbs, func(v station.Verb) bool { return v.Name == d.Verb })
	if i < 0 {
		return fmt.Sprintf("this station knows no verb %s", d.Verb), "no-verb", nil
	}
	for _, f := range verbs[i].Fields {
		if f.Required && d.With[f.Name] == "" {
			return fmt.Sprintf("%s is missing (%s)", f.Name, f.Help), "missing", []string{"field", f.Name}
		}
	}
	var unknown []string
	for name := range d.With {
		if _, known := verbs[i].Field(name); !known {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return fmt.Sprintf("%s has no field %s", d.Verb, slices.Min(unknown)), "no-field", []string{"field", slices.Min(unknown)}
	}
	return "", "", nil
}

// Refuse is the receipt of what this station does not send: the entry cannot be
// delivered as it is, now or later. An error without a station.Reason is given one that
// says no more than that.
func Refuse(err error) station.Receipt {
	if station.ReasonOf(err) == nil {
		err = station.Because(err, "unfit")
	}
	return station.Receipt{Outcome: station.Refused, Err: err}
}

// Refusef is Refuse with a text.
func Refusef(format string, args ...any) station.Receipt { return Refuse(fmt.Errorf(format, args...)) }

// RefuseBecause is Refusef with the kind and the values of a station.Reason.
func RefuseBecause(kind string, values []string, format string, args ...any) station.Receipt {
	return Refuse(station.Because(fmt.Errorf(format, args...), kind, values...))
}

// Undecided is the receipt where the vendor's records cannot tell whether an
// earlier attempt arrived. The text holds the facts a person needs.
func Undecided(format string, args ...any) station.Receipt {
	return station.Receipt{Outcome: station.Doubtful, Answered: true,
		Err: fmt.Errorf("%w: %s", station.ErrUndecided, fmt.Sprintf(format, args...))}
}

// TooEarly is the receipt where the vendor shows no trace of an earlier attempt
// that may still be on its way. Nothing was sent.
func TooEarly(d station.Delivery) station.Receipt {
	return station.Receipt{Outcome: station.Doubtful, Wait: d.Settle, Answered: true,
		Err: errors.New("no trace of the earlier attempt yet, and it may still be on its way: looking again later")}
}

// Absent is the receipt of a delivery that was only to be looked up, where the
// vendor certainly shows no trace of an earlier attempt. Nothing was sent.
func Absent() station.Receipt {
	return station.Receipt{Outcome: station.Unreached, Answered: true, Err: station.ErrAbsent}
}

// Unread turns the receipt of a read that brought nothing into one for an
// attempt that sent nothing: a read changes nothing, so however it went wrong,
// the vendor did nothing because of it. A Refused read stays Refused.
//
// Where the entry was in doubt before, the lane keeps that doubt: Unreached
// speaks of this attempt alone.
func Unread(rc station.Receipt) station.Receipt {
	if rc.Outcome == station.Doubtful {
		rc.Outcome = station.Unreached
	}
	rc.Final = false // it speaks of the read
	return rc
}

// UnreadInDoubt is Unread for an entry in doubt. A vendor that refuses to show
// its records will go on refusing, so a person decides.
func UnreadInDoubt(rc station.Receipt) station.Receipt {
	if rc.Outcome == station.Refused {
		return station.Receipt{Outcome: station.Doubtful, Answered: true,
			Err: station.Because(fmt.Errorf("%w: %w: %v", station.ErrUndecided, station.ErrNotShown, rc.Err), "not-shown")} //nolint:errorlint // it is no refusal of what was asked for
	}
	return Unread(rc)
}
