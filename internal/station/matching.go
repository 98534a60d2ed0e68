package station

// Matching returns the number of the binding that is carried out for an event, counted from 1
// in the order of the file, and the values that it reads from the code, by their names. The
// number is 0 where no binding matches.
func (p Program) Matching(ev Event) (number int, read map[string]string) {
	for i := range p.Bindings {
		one := p
		one.Bindings = p.Bindings[i : i+1]
		if _, read, found := one.firstMatch(ev); found {
			return i + 1, read
		}
	}
	return 0, nil
}
