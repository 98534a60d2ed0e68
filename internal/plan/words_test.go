package plan

import (
	"testing"

	"stationd/internal/config"
	"stationd/internal/words"
)

// A verb without a word would stand on the page as the configuration writes it.
func TestEveryVerbAndFieldOfAVendorAndEveryPartOfTheStationHasAWord(t *testing.T) {
	t.Parallel()
	said := words.In("en")
	missing := func(key words.Key) {
		if _, found := said.Find(key); !found {
			t.Errorf("%s has no text", key)
		}
	}
	for _, b := range Backends() {
		for _, verb := range b.Verbs {
			missing("verb." + words.Key(verb.Name))
			for _, field := range verb.Fields {
				missing("value." + words.Key(field.Name))
			}
		}
	}
	for _, part := range config.Parts() {
		missing("part." + words.Key(part))
	}
}
