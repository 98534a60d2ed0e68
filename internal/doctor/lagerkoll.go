package doctor

import (
	"context"
	"slices"

	"stationd/internal/api/lagerkoll"
	"stationd/internal/plan"
)

// addLagerkoll adds the checks of what Lagerkoll shows: whether the key may read what the
// configured verbs need.
func (d *doctor) addLagerkoll(v *vendorChecks, section *lagerkoll.Section) {
	backend := func() *lagerkoll.Backend {
		b, _ := v.backend.(*lagerkoll.Backend)
		return b
	}
	var order lagerkoll.ID
	v.add("lagerkoll orders", func(ctx context.Context) []Finding {
		page, err := backend().OrdersBetween(ctx, lagerkoll.New, lagerkoll.Cancelled, "", lagerkoll.Paging{Limit: 1})
		if len(page.Orders) > 0 {
			order = page.Orders[0].ID
		}
		return []Finding{permissionFinding("lagerkoll orders", "production orders of store "+section.Store, "without it stationd cannot settle a lost answer", err)}
	})
	addForOrder := func(name, what, why string, read func(ctx context.Context) error) {
		v.add(name, func(ctx context.Context) []Finding {
			if order == 0 {
				return []Finding{undetermined(name, "there is no production order to check it with")}
			}
			return []Finding{permissionFinding(name, what, why, read(ctx))}
		})
	}
	addForOrder("lagerkoll order", "a production order", "every verb reads the order before it is sent again", func(ctx context.Context) error {
		_, err := backend().Order(ctx, order)
		return err
	})
	if d.uses("lagerkoll", "article.trace") {
		addForOrder("lagerkoll batches", "an order's batches and serials", "without it a trace whose answer was lost is held", func(ctx context.Context) error {
			_, err := backend().Batches(ctx, order)
			return err
		})
	}
	if d.uses("lagerkoll", plan.PrintVerb().Name) {
		addForOrder("lagerkoll picking list", "a picking list as PDF", "it is what is printed", func(ctx context.Context) error {
			_, err := backend().PickingListPDF(ctx, order, lagerkoll.Picking{})
			return err
		})
	}
	if d.uses("lagerkoll", "order.create", "order.create_from_customer_order") {
		v.add("lagerkoll reference", func(ctx context.Context) []Finding {
			_, err := backend().NextReference(ctx)
			return []Finding{permissionFinding("lagerkoll reference", "the next reference", `it is what reference = "next" asks for`, err)}
		})
	}
	v.addWrites("whether the key may create, change, trace and finish what the bindings name")
}

// uses reports whether a binding uses one of the verbs of a backend.
func (d *doctor) uses(backend string, verbs ...string) bool {
	for _, b := range d.plan.Program.Bindings {
		for _, do := range b.Do {
			if do.Backend == backend && slices.Contains(verbs, do.Verb.Name) {
				return true
			}
		}
	}
	return false
}
