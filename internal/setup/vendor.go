package setup

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"stationd/internal/api"
)

// askL2L asks for the [l2l] table.
func (s *setup) askL2L() (err error) {
	s.heading("L2L: dispatches and changeovers")
	previous := cmp.Or(s.L2L, &l2lDraft{})
	s.say("An address looks like https://acme.leading2lean.com/api/1.0/")
	address, err := s.ask("L2L's address (empty to skip)", previous.URL, checkVendorURL)
	if err != nil || address == "" {
		return err
	}
	draft := *previous
	draft.URL = address
	s.L2L = &draft
	number := func(answer string) error {
		if n, err := strconv.Atoi(answer); err != nil || n <= 0 {
			return errors.New("the site's number in L2L, such as 12")
		}
		return nil
	}
	for _, q := range []struct {
		question string
		field    *string
		valid    func(string) error
	}{
		{"The site's number", &draft.Site, number},
		{"The line's code", &draft.Line, notEmpty},
		{"The code of the machine that calls are for", &draft.Machine, notEmpty},
		{"The code of the trade that is called", &draft.Trade, notEmpty},
	} {
		answer, err := s.ask(q.question, *q.field, q.valid)
		if err != nil {
			return err
		}
		*q.field = answer
	}
	draft.Key, err = s.askKey("l2l.key")
	return err
}

// askLagerkoll asks for the [lagerkoll] table.
func (s *setup) askLagerkoll() (err error) {
	s.heading("Lagerkoll: production orders and traceability")
	previous := cmp.Or(s.Lagerkoll, &lagerkollDraft{})
	s.say("An address looks like https://capi.lagerkoll.com/v1/production_orders/")
	address, err := s.ask("Lagerkoll's address (empty to skip)", previous.URL, checkVendorURL)
	if err != nil || address == "" {
		return err
	}
	draft := *previous
	draft.URL = address
	s.Lagerkoll = &draft
	store, err := s.ask("The store's id", draft.Store, notEmpty)
	if err != nil {
		return err
	}
	draft.Store = store
	draft.Key, err = s.askKey("lagerkoll.key")
	return err
}

// checkVendorURL checks a vendor's address; an empty one skips the vendor.
func checkVendorURL(address string) error {
	if text := api.CheckURL(address); address != "" && text != "" {
		return fmt.Errorf("the address %s", text)
	}
	return nil
}

// askKey asks for the file with a vendor's key, never for the key itself; "" is the
// credential of the packaged service.
func (s *setup) askKey(credential string) (string, error) {
	s.say("The key is never typed here. Enter alone: it will be in\n/etc/stationd/keys/%s, where the packaged service reads it.", credential)
	return s.ask("Another file with the key", "", func(path string) error {
		if path == "" {
			return nil
		}
		return checkAbsolute(path)
	})
}

// checkAbsolute refuses a path that is not absolute.
func checkAbsolute(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("type the whole path, from /")
	}
	return nil
}
