package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/httpserver"
	"stationd/internal/operator"
	"stationd/internal/station"
	"stationd/internal/words"
)

// This file is the technician's page: what is on hold and what waits, and what somebody
// decides about it. It has no script: a browser, a phone's too, needs nothing but forms.

const (
	entriesPerPage = 20  // of each kind
	mostEntries    = 500 // of each kind that can be leafed through; the command line lists all
	mostLanes      = 30
)

func (s *Server) addEntries(mux *http.ServeMux) {
	mux.HandleFunc("GET /entries", s.entries)
	mux.HandleFunc("GET /entries/edit", s.editForm)
	mux.HandleFunc("GET /entries/history", s.history)
	for _, verb := range []string{station.VerbRetry, station.VerbDiscard, station.VerbEdit} {
		mux.HandleFunc("POST /entries/"+verb, s.onlyWhoMayDecide(s.refuseEntries, s.decide(verb)))
	}
}

// An entriesView is what the technician's page shows.
type entriesView struct {
	viewer
	now      station.Snapshot
	times    words.Times
	program  station.Program
	contents station.Contents
	err      error // why the entries are not known
	lanes    []station.LaneStatus
	allLanes int
	alike    map[string]int // how many of the listed are held like one, by kind
	page     map[string]int // of held, waiting and unknown, from 0
	answer   answer         // what became of a decision that was not carried out
	done     string         // or of one that was
}

// An answer says why a decision was not carried out: in the page's language, and folded
// beneath it as the program says it.
type answer struct{ said, detail string }

// failed is the answer to a decision that could not be carried out.
func (s *Server) failed(err error) answer {
	return answer{said: s.names(s.station.Program()).failed(err), detail: err.Error()}
}

// entries shows what is on hold and what waits.
func (s *Server) entries(w http.ResponseWriter, r *http.Request) {
	s.showEntries(w, r, http.StatusOK, answer{})
}

func (s *Server) showEntries(w http.ResponseWriter, r *http.Request, status int, why answer) {
	v := entriesView{
		viewer: s.viewer(r), now: s.station.Snapshot(), program: s.station.Program(), times: s.times(),
		page: make(map[string]int), alike: make(map[string]int), answer: why, done: s.saidDone(r),
	}
	for _, kind := range []string{"held", "waiting", "unknown"} {
		n, _ := strconv.Atoi(r.FormValue(kind))
		v.page[kind] = min(max(n, 0), mostEntries/entriesPerPage-1)
	}
	v.contents, v.err = s.station.Outbox.Contents(station.Limit{
		Held: mostEntries, Waiting: entriesPerPage * (v.page["waiting"] + 1), Unknown: entriesPerPage * (v.page["unknown"] + 1),
	})
	v.lanes, v.allLanes = s.station.Outbox.Lanes(mostLanes)
	for _, e := range v.contents.Entries {
		if e.Condition == station.Held {
			v.alike[e.HeldKind()]++
		}
	}
	s.write(w, status, s.entriesPage(v))
}

// times says times as this page does.
func (s *Server) times() words.Times {
	t := words.Times{Now: s.station.Stamp(time.Now()), Zone: s.station.Zone, Words: s.texts}
	if t.Zone == nil {
		t.Zone = time.Local
	}
	return t
}

// tellDone is the address of this page that says what was done, and to how many:
// done=retry.3, and the station's signature. Nobody else has the page say that.
func (s *Server) tellDone(verb string, many int) string {
	done := fmt.Sprintf("%s.%d", verb, many)
	return "/entries?done=" + done + "." + s.seal(done)
}

func (s *Server) seal(text string) string {
	sign := hmac.New(sha256.New, s.sealing[:])
	sign.Write([]byte(text))
	return hex.EncodeToString(sign.Sum(nil)[:16])
}

// saidDone puts in words what the page was told that was done.
func (s *Server) saidDone(r *http.Request) string {
	verb, rest, _ := strings.Cut(r.URL.Query().Get("done"), ".")
	many, signature, _ := strings.Cut(rest, ".")
	if !hmac.Equal([]byte(signature), []byte(s.seal(verb+"."+many))) {
		return ""
	}
	n, err := strconv.Atoi(many)
	switch {
	case err != nil || n < 1 || n > station.MostDecided:
		return ""
	case verb == station.VerbRetry:
		return s.texts.Count("entries.done.retry", n)
	case verb == station.VerbDiscard:
		return s.texts.Count("entries.done.discard", n)
	case verb == station.VerbEdit:
		return s.texts.Count("entries.done.edit", n)
	}
	return ""
}

// refuseEntries shows the page with why nothing was done.
func (s *Server) refuseEntries(w http.ResponseWriter, r *http.Request, status int, said string) {
	s.showEntries(w, r, status, answer{said: said})
}

// decide carries out what somebody decided about an entry, or with like=true about all that
// are held like it.
func (s *Server) decide(verb string) func(w http.ResponseWriter, r *http.Request, by operator.Person, entry station.ID) {
	return func(w http.ResponseWriter, r *http.Request, by operator.Person, entry station.ID) {
		d := operator.Decision{Verb: verb, Entries: []station.ID{entry}, Reason: strings.TrimSpace(r.PostFormValue("reason"))}
		for _, option := range []string{station.NotThere, station.ToCurrent} {
			if r.PostFormValue(option) == "true" {
				d.Options = append(d.Options, option)
			}
		}
		var err error
		switch {
		case verb == station.VerbEdit:
			d.Fields, err = s.editedFields(r, entry)
		case r.PostFormValue("like") == "true":
			d.Entries, _, err = s.station.Operator.Alike(entry)
		}
		if err == nil {
			_, err = s.station.Operator.Decide(by, d)
		}
		switch {
		case err == nil:
			http.Redirect(w, r, s.tellDone(verb, len(d.Entries)), http.StatusSeeOther)
		case verb == station.VerbEdit:
			s.log.Info("an entry was not edited", "error", err)
			s.showEdit(w, r, http.StatusConflict, s.failed(err))
		default:
			s.log.Info("a decision was not carried out", "path", r.URL.Path, "error", err)
			s.showEntries(w, r, http.StatusConflict, s.failed(err))
		}
	}
}

// editedFields are the fields of a form whose text is another than that of the entry.
func (s *Server) editedFields(r *http.Request, id station.ID) (map[string]string, error) {
	e, _, err := s.station.Operator.Outbox.Standing(id)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, station.Because(fmt.Errorf("entry %s: it is not on hold any more", id.Short()), "not-held")
	}
	changed := make(map[string]string)
	for name, values := range r.PostForm {
		field, is := strings.CutPrefix(name, station.EditField(""))
		if text := strings.TrimSpace(values[0]); is && text != strings.TrimSpace(e.With[field]) {
			changed[field] = text
		}
	}
	return changed, nil
}

// editForm shows the fields of an entry to be put right.
func (s *Server) editForm(w http.ResponseWriter, r *http.Request) {
	s.showEdit(w, r, http.StatusOK, answer{})
}

func (s *Server) showEdit(w http.ResponseWriter, r *http.Request, status int, why answer) {
	id := station.ID(r.FormValue("entry"))
	e, _, err := s.station.Operator.Outbox.Standing(id)
	switch {
	case err != nil:
		s.showEntries(w, r, http.StatusInternalServerError, s.failed(err))
		return
	case e == nil || e.Condition != station.Held:
		s.refuseEntries(w, r, http.StatusNotFound, s.texts.Say("entries.edit.gone", "entry", visible(id.Short())))
		return
	}
	who := s.viewer(r)
	if who.Refusal != "" {
		s.refuseEntries(w, r, http.StatusForbidden, who.Refusal)
		return
	}
	verb, _ := s.station.Program().Vendors[e.Backend()].Verb(e.Verb)
	fields := make(map[string]string)
	for _, name := range verb.Takes() {
		fields[name] = ""
	}
	maps.Copy(fields, e.With)
	delete(fields, station.LastSeen)
	for name, values := range r.PostForm { // what was typed and refused is not typed again
		if field, is := strings.CutPrefix(name, station.EditField("")); is {
			fields[field] = values[0]
		}
	}
	s.write(w, status, s.editPage(who, *e, fields, why))
}

// uneditable says in words why an entry cannot be edited; "" where it can.
func (s *Server) uneditable(e station.EntryStatus, program station.Program) string {
	vendor := program.Vendors[e.Backend()]
	verb, known := vendor.Verb(e.Verb)
	switch {
	case e.Doubtful:
		return s.texts.Say("entries.edit.arrived", "vendor", visible(vendorTitle(program, e.Backend())))
	case !known, e.To != vendor.To, verb.Ends != "":
		return s.texts.Say("entries.edit.never")
	}
	return ""
}

// history is the history as a file. It says what everybody did, so only who may decide has
// it.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	if who := s.viewer(r); who.Refusal != "" {
		s.refuseEntries(w, r, http.StatusForbidden, who.Refusal)
		return
	}
	asCSV := r.URL.Query().Get("as") == "csv"
	name, kind := "history.jsonl", "application/jsonl"
	if asCSV {
		name, kind = "history.csv", "text/csv; charset=utf-8"
	}
	if s.station.Export == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if err := s.station.Export(slowly{w, http.NewResponseController(w)}, asCSV); err != nil {
		s.log.Info("the history did not reach the browser", "error", err)
	}
}

// slowly writes an answer that may take longer than others, as long as each piece of it is
// taken.
type slowly struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Write implements io.Writer.
func (s slowly) Write(piece []byte) (int, error) {
	_ = s.control.SetWriteDeadline(time.Now().Add(httpserver.SendWithin)) // an error shows in the write
	return s.ResponseWriter.Write(piece)
}

var _ io.Writer = slowly{}

// pageOf is one page of a list, and whether there is another behind it.
func pageOf[T any](all []T, page int) (some []T, more bool) {
	from := min(page*entriesPerPage, len(all))
	to := min(from+entriesPerPage, len(all))
	return all[from:to], to < len(all)
}

// at is the address of this page with another page of one of its lists.
func (v entriesView) at(kind string, page int) string {
	q := url.Values{}
	for _, one := range slices.Sorted(maps.Keys(v.page)) {
		n := v.page[one]
		if one == kind {
			n = page
		}
		if n > 0 {
			q.Set(one, strconv.Itoa(n))
		}
	}
	return "/entries?" + q.Encode() + "#" + kind
}
