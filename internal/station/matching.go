package station

// Matching returns the index of the binding that is carried out for an event, and the values
// that it reads from the code, by their names. The index is -1 where no binding matches.
func (p Program) Matching(ev Event) (index int, read map[string]string) {
	for i := range p.Bindings {
		one := p
		one.Bindings = p.Bindings[i : i+1]
		if _, read, found := one.firstMatch(ev); found {
			return i, read
		}
	}
	return -1, nil
}
