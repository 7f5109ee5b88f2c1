package altertable.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Answers as the outcome that every SQL door has: {@code columns}, {@code rows}, {@code row_count}, {@code error}. */
final class SqlOutcome {
  private SqlOutcome() {}

  static Map<String, Object> of(List<Object> columns, List<Object> rows, Object error) {
    return Data.map("columns", columns, "rows", rows, "row_count", Data.number(rows.size()), "error", error);
  }

  /** Of the lines of {@code POST /query} (LQ-03). */
  static Map<String, Object> ofStream(Map<String, Object> answer) {
    var lines = new ArrayList<>(Data.asList(answer.get("lines")));
    if (lines.isEmpty()) {
      throw new AssertionError("POST /query answered " + Data.shortened(Data.encode(answer)));
    }
    Object error = null;
    if (Data.asMap(lines.get(lines.size() - 1)).containsKey("error")) {
      error = Data.asMap(lines.remove(lines.size() - 1)).get("error");
    }
    if (lines.size() < 2) {
      return of(null, List.of(), error);
    }
    var columns = Data.asList(lines.get(1)).stream().map(column -> Data.asMap(column).get("name")).toList();
    return of(columns, lines.subList(2, lines.size()), error);
  }

  /** Of a Flight query: JSON parsed, numbers that are none null. */
  static Map<String, Object> ofFlight(Map<String, Object> outcome) {
    var metadata = Data.asList(outcome.get("metadata"));
    for (var cells : Data.asList(outcome.get("rows")).stream().map(Data::asList).toList()) {
      for (int i = 0; i < cells.size(); i++) {
        var kind = Data.asMap(metadata.get(i)).getOrDefault("ARROW:FLIGHT:SQL:TYPE_NAME", "");
        if (cells.get(i) instanceof String text && List.of("JSON", "VARIANT").contains(kind)) {
          cells.set(i, Data.parse(text));
        } else if (cells.get(i) instanceof String && List.of("FLOAT", "DOUBLE").contains(kind)) {
          cells.set(i, null);
        }
      }
    }
    var columns = outcome.containsKey("columns") ? Data.asList(outcome.get("columns")) : null;
    return of(columns, Data.asList(outcome.get("rows")), "OK".equals(outcome.get("status")) ? null : outcome.get("message"));
  }
}
