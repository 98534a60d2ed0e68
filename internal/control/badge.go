package control

import (
	"context"
	"net/http"
	"time"

	"stationd/internal/access"
)

// This file is what an integrator does about technicians: their badges and the PIN.

func (s *Server) badges(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, s.station.Access.Badges())
}

// newBadge makes a badge. Its code is in the answer and nowhere else.
func (s *Server) newBadge(w http.ResponseWriter, r *http.Request) {
	var asked badgeRequest
	person, ok := s.readRequest(w, r, &asked)
	if !ok {
		return
	}
	code, err := s.station.Access.NewBadge(asked.Name, s.station.Operator.Stamp(time.Now()))
	if err != nil {
		s.refuse(w, http.StatusConflict, err)
		return
	}
	s.log.Info("a badge is made", "technician", asked.Name, "by", person.Name)
	s.answer(w, http.StatusOK, badgeAnswer{code})
}

func (s *Server) revokeBadge(w http.ResponseWriter, r *http.Request) {
	var asked badgeRequest
	person, ok := s.readRequest(w, r, &asked)
	if !ok {
		return
	}
	if err := s.station.Access.Revoke(asked.Name); err != nil {
		s.refuse(w, http.StatusConflict, err)
		return
	}
	s.log.Info("a badge is revoked", "technician", asked.Name, "by", person.Name)
	s.answer(w, http.StatusOK, asked)
}

func (s *Server) setPIN(w http.ResponseWriter, r *http.Request) {
	var asked pinRequest
	person, ok := s.readRequest(w, r, &asked)
	if !ok {
		return
	}
	if err := s.station.Access.SetPIN(asked.PIN); err != nil {
		s.refuse(w, http.StatusConflict, err)
		return
	}
	s.log.Info("the PIN of the page is changed", "none", asked.PIN == "", "by", person.Name)
	s.answer(w, http.StatusOK, pinRequest{})
}

// NewBadge makes a badge for a technician, and returns its code, which nobody can ask for
// again.
func (c *Client) NewBadge(ctx context.Context, name string) (code string, err error) {
	var a badgeAnswer
	err = c.request(ctx, http.MethodPost, "/badge", badgeRequest{name}, &a)
	return a.Code, err
}

// Badges lists the badges by their names.
func (c *Client) Badges(ctx context.Context) (all []access.Badge, err error) {
	err = c.request(ctx, http.MethodGet, "/badge", nil, &all)
	return all, err
}

// RevokeBadge ends the badge of a name.
func (c *Client) RevokeBadge(ctx context.Context, name string) error {
	var done badgeRequest
	return c.request(ctx, http.MethodPost, "/badge/revoke", badgeRequest{name}, &done)
}

// SetPIN has the page take that PIN; "" has it take none.
func (c *Client) SetPIN(ctx context.Context, pin string) error {
	var done pinRequest
	return c.request(ctx, http.MethodPost, "/pin", pinRequest{pin}, &done)
}
