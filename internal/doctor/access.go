package doctor

import (
	"errors"
	"io/fs"

	"stationd/internal/access"
	"stationd/internal/plan"
	"stationd/internal/terminal"
)

// checkAccess checks that there is somebody to decide where the configuration asks for a
// technician.
func checkAccess(p *plan.Plan) []Finding {
	const name = "access"
	if p.Access == nil {
		return nil
	}
	const do = "stationd badge new NAME makes a badge, stationd passwd sets a PIN"
	known, err := access.Open(p.AccessFile())
	switch {
	case errors.Is(err, fs.ErrPermission):
		return []Finding{skipped(name, "only root and the account stationd may read %s: run doctor as root", p.AccessFile())}
	case err != nil:
		return []Finding{failed(name, do, "%v", err)}
	}
	badges, pin := len(known.Badges()), "no PIN"
	if known.HasPIN() {
		pin = "a PIN"
	} else if badges == 0 {
		return []Finding{warned(name, do, "there is a table [access], and neither a badge nor a PIN: nobody may decide on the page")}
	}
	return []Finding{passed(name, "%s and %s", terminal.Count(badges, "badge"), pin)}
}
