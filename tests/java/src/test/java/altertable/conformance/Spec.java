package altertable.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/** The cases of the spec, tables and doors expanded. */
final class Spec {
  static final Path FOLDER = Path.of("../../conformance/spec").toAbsolutePath().normalize();
  static final List<String> DEFAULT_FLAGS = List.of("--allow-any-user");

  /** One behaviour, ready to run: one row of a table (counted from 1; else 0), over one door ("" if it names its doors). */
  record Case(
      String file, String name, int row, String door, List<String> clauses, List<String> server, List<String> tenants, List<Object> steps) {
    @Override
    public String toString() {
      return file + "/" + name + (row == 0 ? "" : " [" + row + "]") + (door.isEmpty() ? "" : " [" + door + "]");
    }
  }

  private Spec() {}

  static List<Case> load() throws IOException {
    var cases = new ArrayList<Case>();
    try (var files = Files.walk(FOLDER)) {
      for (var file : files.filter(path -> path.toString().endsWith(".yaml")).sorted().toList()) {
        cases.addAll(load(file));
      }
    }
    return cases;
  }

  private static List<Case> load(Path path) throws IOException {
    var yaml = new Load(LoadSettings.builder().setSchema(new CoreSchema()).build());
    var whole = Data.asMap(Data.from(yaml.loadFromString(Files.readString(path))));
    var file = FOLDER.relativize(path).toString().replace(".yaml", "");
    var cases = new ArrayList<Case>();
    for (var one : Data.asList(whole.get("cases")).stream().map(Data::asMap).toList()) {
      var steps = Data.list(Data.asList(whole.get("before")));
      steps.addAll(Data.asList(one.get("steps")));
      var flags = one.getOrDefault("server", whole.getOrDefault("server", DEFAULT_FLAGS));
      var clauses = Data.texts(one.get("clauses"));
      var tenants = Data.texts(one.getOrDefault("tenants", List.of("default")));
      int row = one.containsKey("table") ? 1 : 0;
      for (var vars : rows(Data.asMap(one.get("table")))) {
        var filled = Data.asList(new Template(vars, true).fill(steps));
        vars.put("spec", FOLDER.toString());
        var server = Data.texts(new Template(vars, true).fill(flags));
        for (var door : doors(one, filled)) {
          cases.add(new Case(file, (String) one.get("name"), row, door, clauses, server, tenants, filled));
        }
        row++;
      }
    }
    return cases;
  }

  /** The variables of each row; without a table, of the only one. */
  private static List<Map<String, Object>> rows(Map<String, Object> table) {
    var columns = Data.texts(table.get("columns"));
    var rows = new ArrayList<Map<String, Object>>();
    for (var row : Data.asList(table.getOrDefault("rows", List.of(List.of())))) {
      var vars = new HashMap<String, Object>();
      for (int i = 0; i < columns.size(); i++) {
        vars.put(columns.get(i), Data.asList(row).get(i));
      }
      rows.add(vars);
    }
    return rows;
  }

  private static List<String> doors(Map<String, Object> one, List<Object> steps) {
    boolean open = steps.stream().map(Data::asMap).anyMatch(step -> step.containsKey("sql") && !step.containsKey("door"));
    return open ? Data.texts(one.getOrDefault("doors", List.of("rest", "flight"))) : List.of("");
  }
}
