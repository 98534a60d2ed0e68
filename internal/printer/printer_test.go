package printer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"
	"github.com/google/go-cmp/cmp"
)

// An office is a printer that says what a test has it say.
type office struct {
	state     int // printer-state
	reasons   []string
	accepting bool
	formats   []string
	status    goipp.Status // of Print-Job
	message   string
	jobState  int
	http      int // instead of an answer of IPP
	answer    []byte
	cut       bool // the connection ends when the document is there

	mu   sync.Mutex
	got  [][]byte
	asks []*goipp.Message
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m goipp.Message
	if err := m.Decode(r.Body); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != goipp.ContentType {
		http.Error(w, "this is no IPP", http.StatusBadRequest)
		return
	}
	document, _ := io.ReadAll(r.Body)
	o.mu.Lock()
	o.asks = append(o.asks, &m)
	o.mu.Unlock()
	if o.http != 0 {
		w.WriteHeader(o.http)
		return
	}
	w.Header().Set("Content-Type", goipp.ContentType)
	reply := goipp.NewResponse(goipp.MakeVersion(1, 1), goipp.StatusOk, m.RequestID)
	reply.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	reply.Operation.Add(goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en")))
	if goipp.Op(m.Code) == goipp.OpPrintJob {
		if o.cut {
			panic(http.ErrAbortHandler)
		}
		reply.Code = goipp.Code(o.status)
		if o.message != "" {
			reply.Operation.Add(goipp.MakeAttribute("status-message", goipp.TagText, goipp.String(o.message)))
		}
		if o.status == goipp.StatusOk {
			o.mu.Lock()
			o.got = append(o.got, document)
			o.mu.Unlock()
			reply.Job.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(17)))
			reply.Job.Add(goipp.MakeAttribute("job-state", goipp.TagEnum, goipp.Integer(o.jobState)))
		}
		if o.answer != nil {
			_, _ = w.Write(o.answer)
			return
		}
	} else {
		reply.Printer.Add(goipp.MakeAttribute("printer-state", goipp.TagEnum, goipp.Integer(o.state)))
		reply.Printer.Add(goipp.MakeAttribute("printer-is-accepting-jobs", goipp.TagBoolean, goipp.Boolean(o.accepting)))
		add(&reply.Printer, "printer-state-reasons", goipp.TagKeyword, o.reasons)
		add(&reply.Printer, "document-format-supported", goipp.TagMimeType, o.formats)
	}
	_ = reply.Encode(w)
}

func add(group *goipp.Attributes, name string, tag goipp.Tag, values []string) {
	var a goipp.Attribute
	a.Name = name
	for _, v := range values {
		a.Values.Add(tag, goipp.String(v))
	}
	if len(values) > 0 {
		group.Add(a)
	}
}

// well is an office printer that prints.
func well() *office {
	return &office{state: 3, reasons: []string{"none"}, accepting: true, formats: []string{"application/octet-stream", "application/pdf", "image/urf"}, jobState: 3}
}

func (o *office) open(t *testing.T) Printer {
	t.Helper()
	s := httptest.NewServer(o)
	t.Cleanup(s.Close)
	return Printer{Name: "office", URL: "ipp" + strings.TrimPrefix(s.URL, "http") + "/ipp/print"}
}

// list is a PDF, as far as a printer that is none can tell.
func list() []byte {
	return append([]byte("%PDF-1.7\n"), append(bytes.Repeat([]byte("Soup 400 g\x00\xff"), 3000), "\n%%EOF\n"...)...)
}

func TestAPickingListIsPrinted(t *testing.T) {
	t.Parallel()
	o := well()
	p := o.open(t)
	number, err := p.Print(t.Context(), Document{Name: "Picking list 4711", PDF: list()})
	if err != nil || number != 17 {
		t.Fatalf("number %d, %v", number, err)
	}
	if len(o.got) != 1 || !bytes.Equal(o.got[0], list()) {
		t.Fatalf("the printer got %d documents, or another one", len(o.got))
	}
	var said []string
	for _, a := range o.asks[1].Operation {
		said = append(said, a.Name+"="+a.Values[0].V.String())
	}
	want := []string{"attributes-charset=utf-8", "attributes-natural-language=en", "printer-uri=" + p.URL,
		"requesting-user-name=stationd", "job-name=Picking list 4711", "document-format=application/pdf"}
	if d := cmp.Diff(want, said); d != "" {
		t.Error(d)
	}
}

func TestThePrinterSaysWhyItDoesNotPrint(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*office)
		want   string
		sent   bool // the document may have got there
	}{
		"it takes no PDF":                    {func(o *office) { o.formats = []string{"image/urf", "image/pwg-raster"} }, "it takes no PDF; it takes image/urf, image/pwg-raster", false},
		"it has no paper":                    {func(o *office) { o.state, o.reasons = 5, []string{"media-empty-error"} }, "it has stopped: no paper (media-empty-error)", false},
		"it was stopped by a person":         {func(o *office) { o.accepting, o.reasons = false, []string{"paused", "acme-lunch"} }, "it takes nothing at present: it is paused (paused), acme-lunch", false},
		"it wants a password":                {func(o *office) { o.http = 401 }, "let this station print there without a password", false},
		"its path is another":                {func(o *office) { o.http = 404 }, "with most it is /ipp/print", false},
		"it wants to be spoken to in cipher": {func(o *office) { o.http = 426 }, "write ipps://", false},
		"it points elsewhere":                {func(o *office) { o.http = 307 }, "it answers 307", false},
		"its disk is full": {func(o *office) { o.status, o.message = goipp.StatusErrorTemporary, "spool full" },
			"it refuses: spool full", false},
		"it says no without a word": {func(o *office) { o.status = goipp.StatusErrorDevice }, "it refuses: server-error-device-error", false},
		"it has too much to do":     {func(o *office) { o.status = goipp.StatusErrorBusy }, "it is busy", false},
		"it cannot read this PDF":   {func(o *office) { o.status = goipp.StatusErrorDocumentFormatError }, "it does not print this PDF", false},
		"it gave the list up":       {func(o *office) { o.jobState = 8 }, "took the document and gave it up", false},
		"its answer is cut off":     {func(o *office) { o.answer = []byte{1, 1, 0} }, "its answer cannot be read", true},
		"it dies while it reads":    {func(o *office) { o.cut = true }, "look there before it is printed again", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := well()
			tt.change(o)
			p := o.open(t)
			_, err := p.Print(t.Context(), Document{Name: "Picking list 4711", PDF: list()})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "printer office at "+p.URL+": ") {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			if sent := strings.Contains(err.Error(), "it was sent"); sent != tt.sent {
				t.Errorf("%v: sent %v, want %v", err, sent, tt.sent)
			}
		})
	}
}

func TestAPrinterThatDoesNotSayWhatItTakesIsTried(t *testing.T) {
	t.Parallel()
	o := well()
	o.formats, o.reasons = nil, nil
	if err := o.open(t).Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNothingAnswersThere(t *testing.T) {
	t.Parallel()
	t.Run("the printer is switched off", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		address := l.Addr().String()
		must(t, l.Close())
		_, err = Printer{Name: "office", URL: "ipp://" + address + "/ipp/print"}.Print(t.Context(), Document{PDF: list()})
		if err == nil || strings.Contains(err.Error(), "it was sent") || !strings.Contains(err.Error(), "refused") {
			t.Error(err)
		}
	})
	t.Run("a page of the web answers", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }))
		t.Cleanup(s.Close)
		err := Printer{Name: "office", URL: "ipp" + strings.TrimPrefix(s.URL, "http")}.Ready(t.Context())
		if err == nil || !strings.Contains(err.Error(), "no printer") {
			t.Error(err)
		}
	})
	t.Run("the printer takes the call and says nothing", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		t.Cleanup(func() { l.Close() })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err = Printer{Name: "office", URL: "ipp://" + l.Addr().String()}.Ready(ctx)
		if err == nil || !strings.Contains(err.Error(), "no answer in time") {
			t.Error(err)
		}
	})
}

func TestAnEncryptedPrinterIsKnownByItsCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(well())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake that is given up is part of the test
	s.StartTLS()
	t.Cleanup(s.Close)
	address := "ipps" + strings.TrimPrefix(s.URL, "https") + "/ipp/print"
	save := func(t *testing.T, der []byte) string {
		path := filepath.Join(t.TempDir(), "office.pem")
		must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
		return path
	}
	t.Run("its own certificate is named", func(t *testing.T) {
		t.Parallel()
		p := Printer{Name: "office", URL: address, Certificate: save(t, s.Certificate().Raw)}
		if _, err := p.Print(t.Context(), Document{PDF: list()}); err != nil {
			t.Error(err)
		}
	})
	t.Run("none is named and nobody vouches for it", func(t *testing.T) {
		t.Parallel()
		_, err := Printer{Name: "office", URL: address}.Print(t.Context(), Document{PDF: list()})
		if err == nil || !strings.Contains(err.Error(), `certificate = "…"`) {
			t.Error(err)
		}
	})
	t.Run("another one than it shows is named", func(t *testing.T) {
		t.Parallel()
		other := httptest.NewUnstartedServer(nil)
		other.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
		other.StartTLS()
		t.Cleanup(other.Close)
		err := Printer{Name: "office", URL: address, Certificate: save(t, other.TLS.Certificates[0].Certificate[0])}.Ready(t.Context())
		if err == nil || !strings.Contains(err.Error(), "shows another certificate") {
			t.Error(err)
		}
	})
	t.Run("the file holds something else", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "office.pem")
		must(t, os.WriteFile(path, []byte("secret"), 0o600))
		err := Printer{Name: "office", URL: address, Certificate: path}.Ready(t.Context())
		if err == nil || !strings.Contains(err.Error(), "no certificate") || strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		printer Printer
		key     string // at fault; "" for none
	}{
		"an address":                       {Printer{URL: "ipp://192.0.2.10/ipp/print"}, ""},
		"an encrypted one":                 {Printer{URL: "ipps://office.example.com:443/ipp/print", Certificate: "/etc/stationd/office.pem"}, ""},
		"no address":                       {Printer{}, "url"},
		"an address of the web":            {Printer{URL: "http://192.0.2.10/"}, "url"},
		"no host":                          {Printer{URL: "ipp:///ipp/print"}, "url"},
		"a password in the address":        {Printer{URL: "ipp://eva:secret@192.0.2.10/"}, "url"},
		"a certificate of nothing":         {Printer{URL: "ipp://192.0.2.10/", Certificate: "/etc/stationd/office.pem"}, "certificate"},
		"a certificate who knows where":    {Printer{URL: "ipps://192.0.2.10/", Certificate: "office.pem"}, "certificate"},
		"an address that cannot be parsed": {Printer{URL: "ipp://[::1"}, "url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var keys string
			Check([]Printer{tt.printer}, func(table string, index int, key, text string) {
				if table != "printer" || index != 0 || strings.Contains(text, "secret") {
					t.Errorf("%s %d: %s", table, index, text)
				}
				keys += key
			})
			if keys != tt.key {
				t.Errorf("at fault: %q, want %q", keys, tt.key)
			}
		})
	}
}

func FuzzAPrinterSaysWhatItLikes(f *testing.F) {
	var whole bytes.Buffer
	reply := goipp.NewResponse(goipp.MakeVersion(1, 1), goipp.StatusOk, 1)
	reply.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	reply.Printer.Add(goipp.MakeAttribute("printer-state", goipp.TagEnum, goipp.Integer(3)))
	if err := reply.Encode(&whole); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add([]byte("\x01\x01\x00\x00"))
	f.Fuzz(func(_ *testing.T, body []byte) {
		var m goipp.Message
		if m.DecodeBytes(body) == nil {
			_ = refusal(m)
			_, _ = number(m.Printer, "printer-state")
			_ = reasonText(texts(m.Printer, "printer-state-reasons"))
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
