package doctor

import (
	"net"
	"strings"
	"testing"

	"stationd/internal/config"
	"stationd/internal/plan"
)

func TestThePortOfTheMetricsIsLookedAtBeforeAStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	p := &plan.Plan{Metrics: config.Metrics{Listen: address}}
	for _, c := range []struct {
		name    string
		plan    *plan.Plan
		running bool
		verdict Verdict
		says    string
	}{
		{"another program has it", p, false, Warning, "another program listens at " + address},
		{"the station has it", p, true, OK, "the running station has " + address},
		{"the service may not", &plan.Plan{Metrics: config.Metrics{Listen: ":94"}, Station: config.Station{Data: plan.PackagedData}}, false, Warning, "may not open port 94"},
		{"it is free", &plan.Plan{Metrics: config.Metrics{Listen: "127.0.0.1:0"}}, false, OK, "is free"},
	} {
		f := checkMetrics(c.plan, c.running)
		if len(f) != 1 || f[0].Check != "metrics" || f[0].Verdict != c.verdict || !strings.Contains(f[0].Found, c.says) || c.verdict == Warning && !strings.Contains(f[0].Do, "[metrics]") {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
	if f := checkMetrics(&plan.Plan{}, false); len(f) != 0 {
		t.Errorf("without an address it finds %+v", f)
	}
}
