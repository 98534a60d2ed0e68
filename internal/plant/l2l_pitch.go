package plant

import (
	"slices"
	"strconv"
	"time"
)

func pitchParameters() map[string]parameter {
	takes := lineParameters()
	takes["productcode"] = parameter{}
	takes["start"], takes["end"] = parameter{form: siteTimeOrNow}, parameter{form: siteTimeOrNow}
	takes["actual"], takes["scrap"], takes["operator_count"] = parameter{form: decimal}, parameter{form: decimal}, parameter{form: decimal}
	return takes
}

func pitchListParameters() map[string]parameter {
	takes := lineParameters()
	takes["start__gte"] = parameter{form: siteTime, assumed: PitchDetailsListed}
	takes["start__lte"] = parameter{form: siteTime, assumed: PitchDetailsListed}
	takes["limit"], takes["offset"] = parameter{form: number, assumed: LimitAboveOne}, parameter{form: number, assumed: LimitAboveOne}
	return takes
}

func needsOfPitch() []string {
	return []string{"site", "linecode|line_externalid", "productcode", "start", "end"}
}

// recordDetails adds to what a line made. The real one writes on GET too; the
// plant takes a POST alone, because a GET may be sent again by any proxy.
//
//	POST pitchdetails/record_details/
//	site=12&linecode=PACK4&productcode=100&start=2026-03-02 08:00:00&end=2026-03-02 08:05:00&actual=60&scrap=2
func (p *Plant) recordDetails(q params) answer {
	line, why := p.lineOf(q)
	if why != "" {
		return p.refuse("%s", why)
	}
	now := time.Now().Truncate(time.Second)
	at := func(name string) time.Time {
		if q[name] == "now" {
			return now
		}
		return p.siteTime(q[name])
	}
	c := Count{Line: line, Product: q["productcode"], Start: at("start"), End: at("end")}
	c.Actual, _ = strconv.ParseFloat(q["actual"], 64)
	c.Scrap, _ = strconv.ParseFloat(q["scrap"], 64)
	if c.End.Before(c.Start) || c.End.After(now.Add(tolerance)) {
		return p.refuse("end %q is before start %q or in the future", q["end"], q["start"])
	}
	p.site.counts = append(p.site.counts, c)
	return l2lData(p.countRecord(len(p.site.counts), c))
}

// listDetails answers
//
//	GET pitchdetails/?site=12&linecode=PACK4&start__gte=2026-03-02 08:00:00&start__lte=2026-03-02 08:00:00
func (p *Plant) listDetails(q params) answer {
	line, why := p.lineOf(q)
	if why != "" {
		return p.refuse("%s", why)
	}
	var found []any
	for i, c := range p.site.counts {
		if c.Line == line && (q["start__gte"] == "" || !c.Start.Before(p.siteTime(q["start__gte"]))) &&
			(q["start__lte"] == "" || !c.Start.After(p.siteTime(q["start__lte"]))) {
			found = append(found, p.countRecord(i+1, c))
		}
	}
	return l2lData(append([]any{}, window(found, q)...))
}

// countRecord is a production record as L2L writes it.
//
//	{"id":1,"site":12,"line":71,"product":3001,"start":"2026-03-02 08:00:00",…,"actual":60,"scrap":2}
func (p *Plant) countRecord(id int, c Count) map[string]any {
	return map[string]any{
		"id": id, "site": p.config.Site, "line": p.lineID(c.Line),
		"product": firstProduct + slices.Index(p.config.Products, c.Product),
		"start":   p.localTime(c.Start), "end": p.localTime(c.End), "actual": c.Actual, "scrap": c.Scrap,
	}
}
