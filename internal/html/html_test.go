package html_test

import (
	"strings"
	"testing"

	. "stationd/internal/html"
	h "stationd/internal/html/element"
)

func TestWhatIsWrittenIsHTML(t *testing.T) {
	for _, tt := range []struct {
		name string
		node Node
		want string
	}{
		{"an element", h.P(Text("a"), h.B(Text("b"))), "<p>a<b>b</b></p>"},
		{"attributes go before the content, wherever they stand", h.P(Text("a"), h.Class("c"), h.Hidden("")), `<p class="c" hidden="">a</p>`},
		{"an attribute without a value", h.Input(h.Required()), "<input required>"},
		{"an element that has no end has no content", h.Input(h.Type("text"), Text("lost")), `<input type="text">`},
		{"nothing is nothing", h.P(nil, If(false, Text("a")), Iff(false, func() Node { return Text("a") }), Group{nil}), "<p></p>"},
		{"what is so is written", h.P(If(true, Text("a")), Iff(true, func() Node { return Text("b") })), "<p>ab</p>"},
		{"a group's attributes are its element's", h.P(Group{h.ID("i"), Group{Text("a"), h.Lang("sv")}}), `<p id="i" lang="sv">a</p>`},
		{"an attribute in no element is left out", Group{h.ID("i"), Text("a")}, "a"},
		{"each of several", h.Ul(Map([]string{"a", "b"}, func(s string) Node { return h.Li(Text(s)) })), "<ul><li>a</li><li>b</li></ul>"},
		{"no node", nil, ""},
		{"a page", h.Doctype(h.HTML(h.Body())), "<!doctype html><html><body></body></html>"},
		{"aria and data", h.P(h.Aria("label", "a"), h.Data("pin", "4")), `<p aria-label="a" data-pin="4"></p>`},
		{"what is HTML already", h.P(Raw("<i>a</i>")), "<p><i>a</i></p>"},
	} {
		if got := String(tt.node); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAScanCannotWriteHTML(t *testing.T) {
	const hostile = "<script>alert('1')</script> & \" ' \x00 \xff é"
	const safe = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &#34; &#39; \uFFFD \xff é"
	if got, want := String(h.P(h.Class(hostile), h.Data("code", hostile), Text(hostile))), `<p class="`+safe+`" data-code="`+safe+`">`+safe+"</p>"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestAPageKeepsWhatItWasMadeOf(t *testing.T) {
	children := []Node{Text("a"), Text("b")}
	p := h.P(children...)
	children[0] = Text("changed")
	if got := String(p); got != "<p>ab</p>" {
		t.Error(got)
	}
}

func FuzzNoTextEndsItsElement(f *testing.F) {
	f.Add("</p><script>")
	f.Add(`" onclick="`)
	f.Fuzz(func(t *testing.T, s string) {
		got := String(h.P(h.Class(s), Text(s)))
		inside, ok := strings.CutPrefix(got, `<p class="`)
		value, content, cut := strings.Cut(inside, `">`)
		content, end := strings.CutSuffix(content, "</p>")
		if !ok || !cut || !end || strings.ContainsAny(value, "<>\"'\x00") || strings.ContainsAny(content, "<>\"'\x00") {
			t.Errorf("%q", got)
		}
	})
}
