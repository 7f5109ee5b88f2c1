package conformance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// floors are the shares of cases, in percent by the start of their file, that this runner must be able to run.
var floors = map[string]int{"lakehouse/": 90, "analytics/": 90, "flight/query": 90, "flight/prepared": 90, "flight/metadata": 90}

// tally counts what was run and what was not, and why.
type tally struct {
	lock    sync.Mutex
	all     map[string]int
	ran     map[string]int
	skipped map[string]int
}

// skip says why this runner cannot run a case; an empty reason means that it can.
func skip(each specCase) string {
	if os.Getenv("CONFORMANCE_URL") != "" {
		if !slices.Equal(each.server, texts(defaultFlags)) {
			return "needs a server started with other flags"
		}
		if os.Getenv("CONFORMANCE_USER") != "" && len(each.tenants) > 1 {
			return "needs several tenants"
		}
	}
	for _, step := range each.steps {
		wanted, _ := step.(*object).get("expect")
		if _, parquet := lookup(wanted, "parquet").(missing); !parquet {
			return "reads Parquet, for which it would need another library"
		}
	}
	return ""
}

func (c *tally) count(each specCase, reason string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for start := range floors {
		if strings.HasPrefix(each.file, start) {
			c.all[start]++
			if reason == "" {
				c.ran[start]++
			}
		}
	}
	c.all[""]++
	if reason == "" {
		c.ran[""]++
	} else {
		c.skipped[reason]++
	}
}

func (c *tally) report(t *testing.T) {
	fmt.Printf("Go: %d of %d cases\n", c.ran[""], c.all[""])
	for _, reason := range slices.Sorted(maps.Keys(c.skipped)) {
		fmt.Printf("  %d skipped: %s\n", c.skipped[reason], reason)
	}
	for start, floor := range floors {
		if os.Getenv("CONFORMANCE_URL") == "" && c.ran[start]*100 < c.all[start]*floor {
			t.Errorf("%s: %d of %d cases are fewer than %d %%", start, c.ran[start], c.all[start], floor)
		}
	}
}

func TestConformance(t *testing.T) {
	spec, err := filepath.Abs("../../../conformance/spec")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := loadAll(spec)
	if err != nil {
		t.Fatal(err)
	}
	held := &target{servers: map[string]func() (*server, error){}}
	counts := &tally{all: map[string]int{}, ran: map[string]int{}, skipped: map[string]int{}}
	t.Run("spec", func(t *testing.T) {
		for _, each := range cases {
			t.Run(fmt.Sprintf("%s: %s [%s]", each.file, each.name, each.door), func(t *testing.T) {
				t.Parallel()
				reason := skip(each)
				counts.count(each, reason)
				if reason != "" {
					t.Skip(reason)
				}
				running, err := held.server(each.server)
				if err != nil {
					t.Fatal(err)
				}
				if err := runCase(context.Background(), each, running, spec); err != nil {
					t.Error(err)
				}
			})
		}
	})
	if err := held.close(); err != nil {
		t.Error(err)
	}
	counts.report(t)
}
