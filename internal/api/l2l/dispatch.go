package l2l

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// This file opens dispatches, L2L's records of calls for help: dispatch.open, and
// dispatch.add for a call that is over already when L2L hears of it.

const (
	dispatchOpen     = "dispatch.open"
	dispatchAdd      = "dispatch.add"
	dispatchClose    = "dispatch.close"
	dispatchComplete = "dispatch.complete"

	// callIsHistory is how old a call may get before it is delivered as one that is over
	// (dispatch.add): nobody waits at the machine for so long.
	callIsHistory = 30 * time.Minute
)

// adopted is the note of a delivery for which a dispatch that was open at L2L already was
// taken, and none opened.
const adopted = "adopted"

// describedWire are the names that L2L has for describedFields, the fields that dispatch.open
// and dispatch.add have in common.
func describedWire() [10][2]string {
	return [...][2]string{
		{"type", "dispatchtypecode"},
		{"machine", "machinecode"},
		{"trade", "tradecode"},
		{"user", "user"},
		{"reason", "reason_id"},
		{"trade_required", "trade_required"},
		{"assigned_users", "assigned_users"},
		{"document_externalid", "document_externalid"},
		{"last_part_run", "last_part_run"},
		{"material_quarantined", "material_quarantined"},
	}
}

func describedFields() []station.Field {
	return []station.Field{
		{Name: "type", Required: true, Help: "dispatch type code: MAINT"},
		{Name: "machine", Required: true, Help: "machine code: SEAL-1"},
		{Name: "description", Required: true, Help: "what the technicians read"},
		{Name: "trade", Required: true, Help: "trade code: MECH"},
		{Name: "user", Help: "L2L user name of who opens it"},
		{Name: "reason", Type: station.Integer, Help: "id of the dispatch reason"},
		{Name: "trade_required", Type: station.Bool, Help: "true: an unknown trade is refused; else L2L takes the default trade"},
		{Name: "assigned_users", Help: "L2L user names to call, with commas between"},
		{Name: "document_externalid", Help: "external id of the document to show"},
		{Name: "last_part_run", Help: "the last part that was run"},
		{Name: "material_quarantined", Help: "Y or N"},
	}
}

func openVerb() station.Verb {
	return station.Verb{
		Name: dispatchOpen,
		Does: "Open a dispatch: call for help",
		Fields: append(describedFields(),
			station.Field{Name: "once", Type: station.Bool, Help: "true: a dispatch of this type that is open at the machine already is taken for the call, and no second is opened"}),
		Lane:        []string{"machine"},
		Opens:       []string{"machine", "type"},
		Adopts:      "once",
		PassThrough: true,
		Late:        station.LateRecord,
		LateAfter:   callIsHistory,
		Afterwards:  station.Afterwards{Verb: dispatchAdd, From: "reported", Until: "completed"},
	}
}

// addVerb declares dispatch.add, which makes a dispatch that is over. Without times of its
// own it was reported and completed at the moment of its event.
func addVerb() station.Verb {
	return station.Verb{
		Name: dispatchAdd,
		Does: "Add a dispatch that is over",
		Fields: append(describedFields(),
			station.Field{Name: "reported", Help: "when it began: 2026-03-02T08:15:00+01:00, or the site's time 2026-03-02 08:15; left out: at the event"},
			station.Field{Name: "completed", Help: "when it was over, written the same way; left out: at the event"}),
		Lane:        []string{"machine"},
		PassThrough: true,
		Counts:      []string{"machine", "type", "reported"},
	}
}

// openDispatch opens a dispatch; in doubt it first looks for the mark of the
// earlier attempt, and told to open it once, for one that is open already.
func (b *Backend) openDispatch(ctx context.Context, d station.Delivery) station.Receipt {
	form, err := b.openForm(d)
	if err != nil {
		return api.Refuse(err)
	}
	if d.Doubtful {
		if rc, send := b.lookForMark(ctx, d); !send {
			return rc
		}
	}
	if d.With["once"] == "true" {
		if rc, settled := b.adopt(ctx, d); settled {
			return rc
		}
	}
	rc := b.makeDispatch(ctx, "dispatches/open/", form, d)
	if text, _ := refusal(rc); strings.Contains(text, alreadyCritical) {
		return b.explainBlocked(ctx, d, rc)
	}
	return rc
}

// addDispatch files a dispatch that is over; in doubt it first looks for the
// mark of the earlier attempt.
func (b *Backend) addDispatch(ctx context.Context, d station.Delivery) station.Receipt {
	form, err := b.addForm(d)
	if err != nil {
		return api.Refuse(err)
	}
	if d.Doubtful {
		if rc, send := b.lookForMark(ctx, d); !send {
			return rc
		}
	}
	return b.makeDispatch(ctx, "dispatches/add/", form, d)
}

// makeDispatch posts a form with the delivery's mark in its description, which makes a
// dispatch. The answer shows whether L2L keeps the mark.
func (b *Backend) makeDispatch(ctx context.Context, path string, form form, d station.Delivery) station.Receipt {
	rows, rc := act[madeDispatch](ctx, b, path, form)
	if rc.Outcome != station.Delivered {
		return rc
	}
	if made, ok := rows.One(); ok {
		rc.Ref, _ = made.ID.ID()
		rc.Number = made.Number.String()
		rc.Marks = marksIn(made.Description, d)
	}
	if rc.Ref == "" {
		return b.nameOfMade(ctx, d)
	}
	return rc
}

// A madeDispatch is what is read of the answer to open and add.
type madeDispatch struct {
	ID          api.Scalar `json:"id"`
	Number      api.Scalar `json:"dispatchnumber"`
	Description api.Scalar `json:"description"`
}

// marksIn is what the description that L2L shows of a dispatch says of marks.
func marksIn(shown api.Scalar, d station.Delivery) station.Marks {
	switch description, _ := shown.Text(); {
	case description == "":
		return ""
	case d.ID.MarkedIn(description):
		return station.MarksKept
	}
	return station.MarksLost
}

// nameOfMade finds the id of a dispatch where L2L answers that it was made and not which it
// is.
func (b *Backend) nameOfMade(ctx context.Context, d station.Delivery) station.Receipt {
	if s := b.search(ctx, d); s.id != "" {
		return station.Receipt{Outcome: station.Delivered, Ref: s.id, Marks: station.MarksKept}
	}
	return station.Receipt{Outcome: station.Doubtful,
		Err: errors.New("L2L says that it has made the dispatch but not which one it is, and it is not found by its mark yet")}
}

// lookForMark settles what an earlier attempt came to; send is true where the dispatch
// is certainly not there and may be made.
func (b *Backend) lookForMark(ctx context.Context, d station.Delivery) (rc station.Receipt, send bool) {
	s := b.search(ctx, d)
	what := fmt.Sprintf("the dispatches of machine %s, type %s: ", d.With["machine"], d.With["type"])
	found := api.Finding{Verdict: api.Missing}
	switch {
	case s.id != "":
		found = api.Finding{Verdict: api.Applied, Ref: s.id, Marks: station.MarksKept}
	case s.rc.Outcome != station.Delivered:
		return api.UnreadInDoubt(s.rc), false
	case s.unclear != "":
		found = api.Finding{Facts: what + s.unclear}
	case d.Marks == station.MarksLost && !s.marksShown:
		found = api.Finding{Facts: what + "L2L shows what it was told to open without its mark, so that none with this call's says nothing"}
	}
	return found.Settle(d)
}

// described is what the forms of open and add have in common.
func (b *Backend) described(d station.Delivery) form {
	form := b.newForm()
	for _, w := range describedWire() {
		put(&form, w[1], d, w[0])
	}
	form.Set("description", d.ID.Mark()+" "+d.With["description"])
	return form
}

// openForm is the form of dispatches/open/. `reported` is sent only when the
// time is certain; otherwise L2L takes its own, and the text says the estimate.
func (b *Backend) openForm(d station.Delivery) (form, error) {
	form := b.described(d)
	switch {
	case d.Exact && !d.When.IsZero():
		form.Set("reported", b.local(d.When))
	case !d.When.IsZero():
		form.Set("description", form.Get("description")+b.about(d.When))
	}
	err := b.putFurther(&form, d)
	return form, err
}

// addForm is the form of dispatches/add/.
func (b *Backend) addForm(d station.Delivery) (form, error) {
	form := b.described(d)
	reported, completed, err := b.times(d)
	if err != nil {
		return nil, err
	}
	if !reported.IsZero() {
		form.Set("reported", b.local(reported))
	}
	if !d.Exact && !d.When.IsZero() && (reported.IsZero() || d.Merged) {
		form.Set("description", form.Get("description")+b.about(d.When))
	}
	if !completed.IsZero() {
		form.Set("completed", b.local(completed))
	}
	err = b.putFurther(&form, d)
	return form, err
}

// times returns the times that a dispatch is made with. A time that the action
// says is taken at its word; the event's own only when it is certain.
func (b *Backend) times(d station.Delivery) (reported, completed time.Time, err error) {
	if d.Exact {
		reported, completed = d.When, d.When
	}
	if text := d.With["completed"]; text != "" {
		if completed, err = b.moment(text); err != nil {
			return time.Time{}, time.Time{}, fmt.Errorf("completed: %w", err)
		}
		reported = completed // L2L would take now, which lies after it
	}
	if text := d.With["reported"]; text != "" {
		if reported, err = b.moment(text); err != nil {
			return time.Time{}, time.Time{}, fmt.Errorf("reported: %w", err)
		}
	}
	if !completed.IsZero() && completed.Before(reported) {
		return time.Time{}, time.Time{}, fmt.Errorf("it was over at %s, before it began at %s", b.local(completed), b.local(reported))
	}
	return reported, completed, nil
}

// about says a time that is an estimate.
func (b *Backend) about(when time.Time) string {
	return " (about " + when.In(b.zone).Format("2006-01-02 15:04") + ")"
}
