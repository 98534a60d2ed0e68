// Package element has the elements and attributes of HTML that the pages need, each by its name.
package element

import "stationd/internal/html"

// Doctype returns a whole page: what a browser must see first, and the element html.
func Doctype(page html.Node) html.Node { return html.Group{html.Raw("<!doctype html>"), page} }

// A returns the element a.
//
//go:noinline
func A(children ...html.Node) html.Node { return html.El("a", children...) }

// B returns the element b.
//
//go:noinline
func B(children ...html.Node) html.Node { return html.El("b", children...) }

// Body returns the element body.
//
//go:noinline
func Body(children ...html.Node) html.Node { return html.El("body", children...) }

// Button returns the element button.
//
//go:noinline
func Button(children ...html.Node) html.Node { return html.El("button", children...) }

// Dd returns the element dd.
//
//go:noinline
func Dd(children ...html.Node) html.Node { return html.El("dd", children...) }

// Details returns the element details.
//
//go:noinline
func Details(children ...html.Node) html.Node { return html.El("details", children...) }

// Div returns the element div.
//
//go:noinline
func Div(children ...html.Node) html.Node { return html.El("div", children...) }

// Dl returns the element dl.
//
//go:noinline
func Dl(children ...html.Node) html.Node { return html.El("dl", children...) }

// Dt returns the element dt.
//
//go:noinline
func Dt(children ...html.Node) html.Node { return html.El("dt", children...) }

// Em returns the element em.
//
//go:noinline
func Em(children ...html.Node) html.Node { return html.El("em", children...) }

// FigCaption returns the element figcaption.
//
//go:noinline
func FigCaption(children ...html.Node) html.Node { return html.El("figcaption", children...) }

// Figure returns the element figure.
//
//go:noinline
func Figure(children ...html.Node) html.Node { return html.El("figure", children...) }

// Form returns the element form.
//
//go:noinline
func Form(children ...html.Node) html.Node { return html.El("form", children...) }

// H1 returns the element h1.
//
//go:noinline
func H1(children ...html.Node) html.Node { return html.El("h1", children...) }

// H2 returns the element h2.
//
//go:noinline
func H2(children ...html.Node) html.Node { return html.El("h2", children...) }

// H3 returns the element h3.
//
//go:noinline
func H3(children ...html.Node) html.Node { return html.El("h3", children...) }

// Head returns the element head.
//
//go:noinline
func Head(children ...html.Node) html.Node { return html.El("head", children...) }

// Header returns the element header.
//
//go:noinline
func Header(children ...html.Node) html.Node { return html.El("header", children...) }

// HTML returns the element html.
//
//go:noinline
func HTML(children ...html.Node) html.Node { return html.El("html", children...) }

// I returns the element i.
//
//go:noinline
func I(children ...html.Node) html.Node { return html.El("i", children...) }

// IFrame returns the element iframe.
//
//go:noinline
func IFrame(children ...html.Node) html.Node { return html.El("iframe", children...) }

// Input returns the element input.
//
//go:noinline
func Input(children ...html.Node) html.Node { return html.El("input", children...) }

// Label returns the element label.
//
//go:noinline
func Label(children ...html.Node) html.Node { return html.El("label", children...) }

// Li returns the element li.
//
//go:noinline
func Li(children ...html.Node) html.Node { return html.El("li", children...) }

// Link returns the element link.
//
//go:noinline
func Link(children ...html.Node) html.Node { return html.El("link", children...) }

// Main returns the element main.
//
//go:noinline
func Main(children ...html.Node) html.Node { return html.El("main", children...) }

// Meta returns the element meta.
//
//go:noinline
func Meta(children ...html.Node) html.Node { return html.El("meta", children...) }

// Meter returns the element meter.
//
//go:noinline
func Meter(children ...html.Node) html.Node { return html.El("meter", children...) }

// Nav returns the element nav.
//
//go:noinline
func Nav(children ...html.Node) html.Node { return html.El("nav", children...) }

// NoScript returns the element noscript.
//
//go:noinline
func NoScript(children ...html.Node) html.Node { return html.El("noscript", children...) }

// Ol returns the element ol.
//
//go:noinline
func Ol(children ...html.Node) html.Node { return html.El("ol", children...) }

// P returns the element p.
//
//go:noinline
func P(children ...html.Node) html.Node { return html.El("p", children...) }

// Script returns the element script.
//
//go:noinline
func Script(children ...html.Node) html.Node { return html.El("script", children...) }

// Section returns the element section.
//
//go:noinline
func Section(children ...html.Node) html.Node { return html.El("section", children...) }

// Span returns the element span.
//
//go:noinline
func Span(children ...html.Node) html.Node { return html.El("span", children...) }

// Strong returns the element strong.
//
//go:noinline
func Strong(children ...html.Node) html.Node { return html.El("strong", children...) }

// Summary returns the element summary.
//
//go:noinline
func Summary(children ...html.Node) html.Node { return html.El("summary", children...) }

// SVG returns the element svg.
//
//go:noinline
func SVG(children ...html.Node) html.Node { return html.El("svg", children...) }

// Table returns the element table.
//
//go:noinline
func Table(children ...html.Node) html.Node { return html.El("table", children...) }

// TBody returns the element tbody.
//
//go:noinline
func TBody(children ...html.Node) html.Node { return html.El("tbody", children...) }

// Td returns the element td.
//
//go:noinline
func Td(children ...html.Node) html.Node { return html.El("td", children...) }

// Th returns the element th.
//
//go:noinline
func Th(children ...html.Node) html.Node { return html.El("th", children...) }

// THead returns the element thead.
//
//go:noinline
func THead(children ...html.Node) html.Node { return html.El("thead", children...) }

// Time returns the element time.
//
//go:noinline
func Time(children ...html.Node) html.Node { return html.El("time", children...) }

// TitleEl returns the element title; Title is the attribute.
//
//go:noinline
func TitleEl(children ...html.Node) html.Node { return html.El("title", children...) }

// Tr returns the element tr.
//
//go:noinline
func Tr(children ...html.Node) html.Node { return html.El("tr", children...) }

// Ul returns the element ul.
//
//go:noinline
func Ul(children ...html.Node) html.Node { return html.El("ul", children...) }

// Action returns the attribute action.
//
//go:noinline
func Action(value string) html.Node { return html.Attr("action", value) }

// AutoComplete returns the attribute autocomplete.
//
//go:noinline
func AutoComplete(value string) html.Node { return html.Attr("autocomplete", value) }

// Charset returns the attribute charset.
//
//go:noinline
func Charset(value string) html.Node { return html.Attr("charset", value) }

// Class returns the attribute class.
//
//go:noinline
func Class(value string) html.Node { return html.Attr("class", value) }

// Content returns the attribute content.
//
//go:noinline
func Content(value string) html.Node { return html.Attr("content", value) }

// For returns the attribute for.
//
//go:noinline
func For(value string) html.Node { return html.Attr("for", value) }

// Hidden returns the attribute hidden.
//
//go:noinline
func Hidden(value string) html.Node { return html.Attr("hidden", value) }

// Href returns the attribute href.
//
//go:noinline
func Href(value string) html.Node { return html.Attr("href", value) }

// ID returns the attribute id.
//
//go:noinline
func ID(value string) html.Node { return html.Attr("id", value) }

// Lang returns the attribute lang.
//
//go:noinline
func Lang(value string) html.Node { return html.Attr("lang", value) }

// Max returns the attribute max.
//
//go:noinline
func Max(value string) html.Node { return html.Attr("max", value) }

// MaxLength returns the attribute maxlength.
//
//go:noinline
func MaxLength(value string) html.Node { return html.Attr("maxlength", value) }

// Method returns the attribute method.
//
//go:noinline
func Method(value string) html.Node { return html.Attr("method", value) }

// Min returns the attribute min.
//
//go:noinline
func Min(value string) html.Node { return html.Attr("min", value) }

// Name returns the attribute name.
//
//go:noinline
func Name(value string) html.Node { return html.Attr("name", value) }

// Placeholder returns the attribute placeholder.
//
//go:noinline
func Placeholder(value string) html.Node { return html.Attr("placeholder", value) }

// Rel returns the attribute rel.
//
//go:noinline
func Rel(value string) html.Node { return html.Attr("rel", value) }

// Role returns the attribute role.
//
//go:noinline
func Role(value string) html.Node { return html.Attr("role", value) }

// Src returns the attribute src.
//
//go:noinline
func Src(value string) html.Node { return html.Attr("src", value) }

// Target returns the attribute target.
//
//go:noinline
func Target(value string) html.Node { return html.Attr("target", value) }

// Title returns the attribute title.
//
//go:noinline
func Title(value string) html.Node { return html.Attr("title", value) }

// Type returns the attribute type.
//
//go:noinline
func Type(value string) html.Node { return html.Attr("type", value) }

// Value returns the attribute value.
//
//go:noinline
func Value(value string) html.Node { return html.Attr("value", value) }

// AutoFocus returns the attribute autofocus.
//
//go:noinline
func AutoFocus() html.Node { return html.Flag("autofocus") }

// Defer returns the attribute defer.
//
//go:noinline
func Defer() html.Node { return html.Flag("defer") }

// Required returns the attribute required.
//
//go:noinline
func Required() html.Node { return html.Flag("required") }

// Aria returns the attribute that begins with aria-.
//
//go:noinline
func Aria(name, value string) html.Node { return html.Attr("aria-"+name, value) }

// Data returns the attribute that begins with data-.
//
//go:noinline
func Data(name, value string) html.Node { return html.Attr("data-"+name, value) }
