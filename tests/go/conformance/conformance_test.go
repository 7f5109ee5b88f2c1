package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

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
	counts := &tally{}
	t.Run("spec", func(t *testing.T) {
		for _, each := range cases {
			t.Run(each.String(), func(t *testing.T) {
				t.Parallel()
				if reason := skip(each); reason != "" {
					counts.add(each, "skipped", reason)
					t.Skip(reason)
				}
				if err := held.attempts(each, spec); err != nil {
					counts.add(each, "failed", err.Error())
					t.Fatal(err)
				}
				counts.add(each, "passed", "")
			})
		}
	})
	if err := held.close(); err != nil {
		t.Error(err)
	}
	fmt.Print(counts.summary())
	if path := os.Getenv("CONFORMANCE_REPORT"); path != "" {
		if err := os.WriteFile(path, []byte(counts.report()), 0o644); err != nil {
			t.Error(err)
		}
	}
	if whole := len(counts.verdicts) == len(cases); whole && os.Getenv("CONFORMANCE_URL") == "" {
		for _, shortfall := range counts.shortfalls() {
			t.Error(shortfall)
		}
	}
}
