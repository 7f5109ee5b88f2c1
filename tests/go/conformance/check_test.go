package conformance

import (
	"os"
	"slices"
	"testing"
)

// The matchers, by the table that every language's runner is held to.
func TestMatchersMatchAndTellThePlace(t *testing.T) {
	text, err := os.ReadFile("../../../conformance/spec/matchers.json")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range rows.([]any) {
		row := each.(*object)
		t.Run(row.text("name"), func(t *testing.T) {
			var found mismatches
			found.value("", row.at["expected"], row.at["actual"])
			places := []string{}
			for _, each := range found {
				places = append(places, each.path)
			}
			slices.Sort(places)
			if wanted := texts(list(row, "differs")); !slices.Equal(wanted, slices.Compact(places)) {
				t.Errorf("differs at %q, not at %q", places, wanted)
			}
		})
	}
}
