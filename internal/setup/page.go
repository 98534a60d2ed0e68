package setup

import (
	"slices"
	"strings"
)

// A pageDraft is [web]: who sees the page besides the screen of this board.
type pageDraft struct {
	Elsewhere bool
	Token     string // the file with the token; empty: whoever reaches it sees it
	Hosts     []string
}

// render adds [web].
func (p pageDraft) render(out *document) {
	switch {
	case !p.Elsewhere:
		out.lines("", "# The operator's page, at an address that only the screen of this board reaches.", "[web]", `#listen = "127.0.0.1:8420"`)
		return
	case p.Token == "":
		out.lines("", "# The operator's page, which whoever is in the network sees.", "[web]")
	default:
		out.lines("", "# The operator's page. Other machines see it encrypted, and with a token.", "[web]")
	}
	out.text("listen", "0.0.0.0:8420", "")
	if p.Token == "" {
		out.set("open  ", "true", "whoever reaches it sees it")
	} else {
		out.set("tls   ", "true", "stationd doctor says the certificate's fingerprint")
		out.set("token ", inline(texts("file", p.Token)...), "whoever has it sees the page")
	}
	if len(p.Hosts) > 0 {
		out.set("hosts ", quoteAll(p.Hosts), "by which it is asked for")
	}
}

// askPage asks who sees the page.
func (s *setup) askPage() error {
	picked, err := s.choose("Who sees the page?",
		"this board's own screen alone",
		"other machines too, encrypted, and only with a token",
		"whoever is in the network, not encrypted")
	if err != nil {
		return err
	}
	page := pageDraft{Elsewhere: picked > 0}
	if picked == 1 {
		if page.Token, err = s.ask("The file with the token", "/etc/stationd/page.token", checkAbsolute); err != nil {
			return err
		}
	}
	if page.Elsewhere {
		s.say("By its address the page is reached as it is. By a name only where that is given here.")
		_, err = s.askChecked("Its names, such as pack4-1.plant.example (empty for none)", "", func(d *draft, answer string) error {
			page.Hosts = slices.DeleteFunc(strings.FieldsFunc(answer, func(c rune) bool { return c == ' ' || c == ',' }), func(host string) bool { return host == "" })
			d.More.Page = page
			return nil
		})
		if err != nil {
			return err
		}
	}
	switch {
	case !s.keep(func(d *draft) { d.More.Page = page }) || !page.Elsewhere:
	case page.Token == "":
		s.say("Other machines see the page at http:// and this board's address, with :8420 behind it.")
	default:
		s.say("Other machines see the page at https:// and this board's address, with :8420 behind it. A browser asks once whether the certificate is right, and for the token.")
	}
	return nil
}
