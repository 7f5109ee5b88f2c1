package altertable.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/** How the cases went. */
final class Tally {
  /** The shares of cases, in percent by the start of their file, that this runner must be able to run. */
  private static final Map<String, Integer> FLOORS =
      Map.of("lakehouse/", 90, "analytics/", 90, "flight/query", 90, "flight/prepared", 90, "flight/metadata", 90);

  private record Result(Spec.Case one, String outcome, String reason) {}

  private final Queue<Result> results = new ConcurrentLinkedQueue<>();

  /** {@code outcome}: passed, failed or skipped. */
  void count(Spec.Case one, String outcome, String reason) {
    results.add(new Result(one, outcome, reason));
  }

  /** How many cases ran, and how many did not for which reason. */
  String summary() {
    var skipped = new TreeMap<String, Integer>();
    results.stream().filter(result -> result.outcome().equals("skipped")).forEach(result -> skipped.merge(result.reason(), 1, Integer::sum));
    int ran = results.size() - skipped.values().stream().mapToInt(Integer::intValue).sum();
    var text = new StringBuilder("Java: " + ran + " of " + results.size() + " cases\n");
    skipped.forEach((reason, count) -> text.append("  " + count + " skipped: " + reason + "\n"));
    return text.toString();
  }

  /** The floors that too few cases reach. */
  List<String> shortfalls() {
    var found = new ArrayList<String>();
    FLOORS.forEach((start, floor) -> {
      var all = results.stream().filter(result -> result.one().file().startsWith(start)).toList();
      long ran = all.stream().filter(result -> !result.outcome().equals("skipped")).count();
      if (all.isEmpty() || ran * 100 < (long) all.size() * floor) {
        found.add(start + ": " + ran + " of " + all.size() + " cases are fewer than " + floor + " %");
      }
    });
    return found;
  }

  /** Writes the file that CONFORMANCE_REPORT names, for the matrix of clauses and languages. */
  void report(Path file) throws IOException {
    var cases = new ArrayList<>();
    for (var result : results) {
      cases.add(Data.map("case", result.one().toString(), "clauses", result.one().clauses(), "outcome", result.outcome(), "reason", result.reason()));
    }
    Files.writeString(file, Data.encode(Data.map("language", "java", "cases", cases)));
  }
}
