package daemon

import (
	"maps"
	"time"

	"stationd/internal/station"
)

// This file says which technician has shown a badge, to whatever happens at the station.

// withTechnician returns an emit for the station's own inputs. It looks up whose a badge is
// that was shown; and everything else says which technician is there, if one is.
func (s *openStation) withTechnician(emit station.EmitAll) station.EmitAll {
	return func(all []station.Emitted) {
		for i := range all {
			ev := &all[i].Event
			if ev.Kind == station.Badge {
				*ev = s.lookUpBadge(*ev)
			} else if name, _ := s.technician(ev.At); name != "" {
				data := make(map[string]string, len(ev.Data)+1)
				maps.Copy(data, ev.Data)
				data[station.DataTechnician] = name
				ev.Data = data
			}
		}
		emit(all)
	}
}

// lookUpBadge puts in an event whose badge was shown, and what that does. Where the
// configuration has no [access], nobody knows any badge.
func (s *openStation) lookUpBadge(ev station.Event) station.Event {
	known := s.active.plan.Load().Access
	name, what := "", ""
	if known != nil {
		name, what = s.access.Show(ev.Data[station.DataSum], ev.At, known.Expire)
	}
	ev.Data = map[string]string{}
	if what != "" {
		ev.Data[station.DataBy], ev.Data[station.DataBadge] = name, what
	}
	s.log.Info("a badge was shown", "source", ev.Source, "technician", name, "what", what, "event", string(ev.ID))
	return ev
}

// accessExpires is how long a technician may decide; 0: nothing needs one.
func (s *openStation) accessExpires() time.Duration {
	if known := s.active.plan.Load().Access; known != nil {
		return known.Expire
	}
	return 0
}

// technician is who has shown a badge, and for how long that holds still; "" where nobody
// has, or the configuration has no [access].
func (s *openStation) technician(now station.Stamp) (name string, left time.Duration) {
	known := s.active.plan.Load().Access
	if known == nil {
		return "", 0
	}
	return s.access.Technician(now, known.Expire)
}
