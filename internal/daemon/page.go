package daemon

import (
	"crypto/tls"
	"io"

	"stationd/internal/api"
	"stationd/internal/certificate"
	"stationd/internal/queue"
	"stationd/internal/terminal"
)

// This file hands to the page what its machine has for it: the history, and what other
// machines must show to see it.

// exportHistory writes the history, as JSON lines or as a table.
func (s *openStation) exportHistory(w io.Writer, asCSV bool) error {
	if asCSV {
		return queue.ExportCSV(s.plan.History(), s.plan.Zone, w)
	}
	return queue.ExportHistory(s.plan.History(), terminal.DurationWriter{To: w})
}

// pageTLS is how the page is encrypted for other machines; nil where it is not.
func (s base) pageTLS() *tls.Config {
	source := s.plan.Certificate()
	if source == nil {
		return nil
	}
	made := func(c *tls.Certificate, why string) {
		s.log.Info("the station made a certificate for its page; browsers ask once whether it is right", "why", why, "certificate", certificate.Fingerprint(c))
	}
	c, why, err := source.Certificate()
	switch {
	case err != nil: // whoever asks is told, and the log
	case why != "":
		made(c, why)
	default:
		s.log.Info("the page is encrypted for other machines", "certificate", certificate.Fingerprint(c))
	}
	return source.Config(func(err error) { s.log.Error("another machine does not see the page", "error", err) }, made)
}

// pageToken returns what reads the token that other machines must show; nil where they
// need none.
func (s base) pageToken() func() (string, error) {
	from := api.KeyFrom(s.plan.Web.Token)
	if !from.Given() {
		return nil
	}
	return func() (string, error) {
		key, err := from.Read()
		if err != nil {
			return "", err
		}
		return key.Reveal(), nil
	}
}
