package relay_test

import (
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
)

// Neither the desk's nor the station's clock says how long a station was not heard: the desk
// is a process whose clock is decades behind.
func TestADeskWhoseClockIsWrongKnowsHowLongAStationWasNotHeard(t *testing.T) {
	t.Parallel()
	const least = 2 * time.Second
	if at := os.Getenv("STATIOND_ENGINE_AT"); at != "" {
		synctest.Test(t, func(t *testing.T) { // where it is the year 2000
			all, err := desk(t, "anna", relay.Engine{Servers: []string{at}}).Statuses(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatalf("the engine has %+v, %v", all, err)
			}
			if all[0].At.Year() == time.Now().Year() {
				t.Error("the desk's clock is right: nothing is proved")
			}
			if all[0].Age < least || all[0].Age > time.Hour {
				t.Errorf("it was heard %v ago", all[0].Age)
			}
		})
		return
	}
	p := newPlant(t, nil)
	relaytest.Run(t, p.setting("relay-1"))
	l, _ := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	if err := l.KeepStatus([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	anna := desk(t, "anna", p.engine.Table())
	until(t, "what the station said is old", func() bool {
		all, err := anna.Statuses(t.Context())
		return err == nil && len(all) == 1 && time.Since(all[0].At) > least
	})
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	again.Env = append(os.Environ(), "STATIOND_ENGINE_AT="+p.engine.Table().Servers[0])
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("at the desk: %v\n%s", err, out)
	}
}
