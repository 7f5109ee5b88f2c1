package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// floors are the shares of cases, in percent by the start of their file, that this runner must be able to run.
var floors = map[string]int{"lakehouse/": 90, "analytics/": 90, "flight/query": 90, "flight/prepared": 90, "flight/metadata": 90}

// verdict is what became of a case: passed, failed or skipped.
type verdict struct {
	each            specCase
	outcome, reason string
}

// tally gathers what became of the cases.
type tally struct {
	lock     sync.Mutex
	verdicts []verdict
}

func (c *tally) add(each specCase, outcome, reason string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.verdicts = append(c.verdicts, verdict{each, outcome, reason})
}

// ran counts the cases whose file starts so, and those among them that were run.
func (c *tally) ran(start string) (ran, all int) {
	for _, each := range c.verdicts {
		if strings.HasPrefix(each.each.file, start) {
			all++
			if each.outcome != "skipped" {
				ran++
			}
		}
	}
	return ran, all
}

// summary says how many cases were run, and how many were not for which reason.
func (c *tally) summary() string {
	skipped := map[string]int{}
	for _, each := range c.verdicts {
		if each.outcome == "skipped" {
			skipped[each.reason]++
		}
	}
	ran, all := c.ran("")
	lines := fmt.Sprintf("Go: %d of %d cases\n", ran, all)
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		lines += fmt.Sprintf("  %d skipped: %s\n", skipped[reason], reason)
	}
	return lines
}

// shortfalls are the floors that too few cases reach.
func (c *tally) shortfalls() []string {
	var found []string
	for start, floor := range floors {
		if ran, all := c.ran(start); all == 0 || ran*100 < all*floor {
			found = append(found, fmt.Sprintf("%s: %d of %d cases are fewer than %d %%", start, ran, all, floor))
		}
	}
	return found
}

// report is what the file that CONFORMANCE_REPORT names gets, for the matrix of clauses and languages.
func (c *tally) report() string {
	cases := []any{}
	for _, each := range c.verdicts {
		clauses := []any{}
		for _, clause := range each.each.clauses {
			clauses = append(clauses, clause)
		}
		cases = append(cases, newObject("case", each.each.String(), "clauses", clauses, "outcome", each.outcome, "reason", each.reason))
	}
	return encode(newObject("language", "go", "cases", cases))
}
