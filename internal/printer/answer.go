package printer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/OpenPrinting/goipp"
)

// texts returns the values of an attribute as texts; none where the printer does
// not say.
func texts(group goipp.Attributes, name string) []string {
	var all []string
	for _, a := range group {
		if a.Name != name {
			continue
		}
		for _, v := range a.Values {
			all = append(all, v.V.String())
		}
	}
	return all
}

// number returns the value of an attribute that is a number or an enum.
func number(group goipp.Attributes, name string) (n int, ok bool) {
	for _, text := range texts(group, name) {
		n, err := strconv.Atoi(text)
		return n, err == nil
	}
	return 0, false
}

// reasonText puts a printer's reasons in words, to stand behind what they explain.
//
//	: no paper (media-empty-error)
func reasonText(reasons []string) string {
	var all []string
	for _, reason := range reasons {
		if reason != "none" {
			all = append(all, reasonWords(reason))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, ", ")
}

// reasonWords puts a reason's keyword (RFC 8011, 5.4.12) in plain words, with the keyword
// behind them. A keyword that is not in the table stands alone.
func reasonWords(reason string) string {
	words := map[string]string{
		"media-empty": "no paper", "media-needed": "it waits for paper", "media-jam": "a paper jam",
		"door-open": "a door is open", "cover-open": "a cover is open", "interlock-open": "a cover is open",
		"input-tray-missing": "a paper tray is missing", "output-area-full": "the output tray is full",
		"toner-empty": "no toner", "marker-supply-empty": "no ink or toner", "marker-waste-full": "the waste toner box is full",
		"paused": "it is paused", "moving-to-paused": "it is being paused", "shutdown": "it is switched off",
		"spool-area-full": "its memory is full", "timed-out": "it does not answer its own server", "connecting-to-device": "its own server cannot reach it",
	}
	keyword := reason
	for _, grade := range []string{"-error", "-warning", "-report"} {
		keyword = strings.TrimSuffix(keyword, grade)
	}
	if known := words[keyword]; known != "" {
		return known + " (" + reason + ")"
	}
	return reason
}

const knownUsersOnly = "it lets only users that it knows print: let this station print there without a password"

// checkHTTP says why an answer of HTTP is no answer of a printer; nil when it is one.
func checkHTTP(r *http.Response) error {
	switch {
	case r.StatusCode == http.StatusUnauthorized, r.StatusCode == http.StatusForbidden:
		return errors.New(knownUsersOnly)
	case r.StatusCode == http.StatusNotFound:
		return errors.New("there is no printer at this path of the address; with most it is /ipp/print")
	case r.StatusCode == http.StatusUpgradeRequired:
		return errors.New("it wants an encrypted connection: write ipps:// in its url")
	case r.StatusCode != http.StatusOK:
		return fmt.Errorf("it answers %s", r.Status)
	case !strings.HasPrefix(r.Header.Get("Content-Type"), goipp.ContentType):
		return errors.New("something answers there that is no printer")
	}
	return nil
}

// refusal is the printer's refusal in words; nil where it did what was asked.
func refusal(answer goipp.Message) error {
	status := goipp.Status(answer.Code)
	if status < goipp.StatusRedirectionOtherSite {
		return nil
	}
	why := strings.Join(texts(answer.Operation, "status-message"), " ")
	if why == "" {
		why = status.String()
	}
	switch status {
	case goipp.StatusErrorForbidden, goipp.StatusErrorNotAuthenticated, goipp.StatusErrorNotAuthorized:
		return fmt.Errorf("%s (%s)", knownUsersOnly, why)
	case goipp.StatusErrorNotFound:
		return fmt.Errorf("there is no printer at this path of the address; with most it is /ipp/print (%s)", why)
	case goipp.StatusErrorDocumentFormatNotSupported, goipp.StatusErrorDocumentFormatError, goipp.StatusErrorDocumentUnprintable:
		return fmt.Errorf("it does not print this PDF (%s)", why)
	case goipp.StatusErrorNotAcceptingJobs, goipp.StatusErrorPrinterIsDeactivated:
		return fmt.Errorf("it takes nothing at present (%s)", why)
	case goipp.StatusErrorBusy, goipp.StatusErrorTooManyJobs:
		return fmt.Errorf("it is busy: print it again later (%s)", why)
	}
	return fmt.Errorf("it refuses: %s", why)
}

// explainNetwork puts an error of the network into words where a person can do something
// about it.
func explainNetwork(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time: %w", err)
	}
	if unknown, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		var expired x509.CertificateInvalidError
		if errors.As(unknown, &expired) && expired.Reason == x509.Expired {
			return fmt.Errorf("its certificate has run out, or the clock of this station is wrong: %w", err)
		}
		return fmt.Errorf("nobody whom this station trusts vouches for its certificate: name the printer's own as certificate = \"…\": %w", err)
	}
	return err
}
