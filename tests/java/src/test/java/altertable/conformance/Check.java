package altertable.conformance;

import com.google.gson.JsonSyntaxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** Compares what came back with what the spec expects, matchers included. */
final class Check {
  /** What is not there. */
  static final Object MISSING = new Object();

  private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  private static final Pattern UUID_7 = Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  private static final Pattern TIME =
      Pattern.compile("[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})");

  /** A place, as JSON pointer, where an answer is not as expected. */
  record Difference(String path, String expected, String actual) {
    @Override
    public String toString() {
      return "at " + path + "\n  expected " + expected + "\n  actual   " + actual;
    }
  }

  private final List<Difference> found = new ArrayList<>();

  static List<Difference> differences(Object expected, Object actual) {
    var check = new Check();
    check.value("", expected, actual);
    return check.found;
  }

  private static boolean matches(Object expected, Object actual) {
    return differences(expected, actual).isEmpty();
  }

  /** Where an outcome differs; looks at the keys that the spec mentions, of headers, too. */
  static List<Difference> outcome(Map<String, Object> expected, Map<String, Object> outcome) {
    var check = new Check();
    expected.forEach((key, wanted) -> {
      if (key.equals("headers") && wanted instanceof Map && operator(wanted) == null) {
        check.subset("/headers", Data.asMap(wanted), outcome.get("headers"));
      } else {
        check.value("/" + key, wanted, outcome.getOrDefault(key, MISSING));
      }
    });
    return check.found;
  }

  private void note(String path, String expected, Object actual) {
    found.add(new Difference(path, Data.shortened(expected), Data.shortened(Data.encode(actual))));
  }

  /** The name of an object that is a matcher. */
  private static String operator(Object value) {
    var map = Data.asMap(value);
    var key = map.size() == 1 ? map.keySet().iterator().next() : "";
    return key.startsWith("$") ? key : null;
  }

  private void value(String path, Object expected, Object actual) {
    if (expected instanceof String name && name.startsWith("$")) {
      if (!named(name, actual)) {
        note(path, name, actual);
      }
    } else if (operator(expected) != null) {
      var argument = Data.asMap(expected).values().iterator().next();
      if (!applied(path, operator(expected), argument, actual)) {
        note(path, Data.encode(expected), actual);
      }
    } else if (expected instanceof Map && actual instanceof Map) {
      subset(path, Data.asMap(expected), actual);
      Data.asMap(actual).forEach((key, value) -> {
        if (!Data.asMap(expected).containsKey(key)) {
          note(path + "/" + key, "no such key", value);
        }
      });
    } else if (expected instanceof List<?> list && actual instanceof List<?> items && list.size() == items.size()) {
      for (int i = 0; i < list.size(); i++) {
        value(path + "/" + i, list.get(i), items.get(i));
      }
    } else if (!Objects.equals(expected, actual)) {
      note(path, Data.encode(expected), actual);
    }
  }

  private void subset(String path, Map<String, Object> expected, Object actual) {
    expected.forEach((key, wanted) -> value(path + "/" + key, wanted, Data.asMap(actual).getOrDefault(key, MISSING)));
  }

  private static boolean named(String name, Object actual) {
    var text = actual instanceof String string ? string : null;
    var digits = actual instanceof Number number ? number.toString() : "";
    return switch (name) {
      case "$any" -> actual != MISSING;
      case "$absent" -> actual == MISSING;
      case "$string" -> text != null;
      case "$text" -> text != null && !text.isEmpty();
      case "$boolean" -> actual instanceof Boolean;
      case "$number" -> actual instanceof Number;
      case "$integer" -> digits.matches("[^.eE]+");
      case "$natural" -> digits.matches("[^-.eE][^.eE]*");
      case "$array" -> actual instanceof List;
      case "$object" -> actual instanceof Map;
      case "$uuid" -> text != null && UUID.matcher(text).matches();
      case "$uuidv7" -> text != null && UUID_7.matcher(text).matches();
      case "$timestamp" -> text != null && TIME.matcher(text).matches();
      default -> false;
    };
  }

  /** Whether a matcher with an argument holds; what it notes by itself counts as held. */
  private boolean applied(String path, String name, Object argument, Object actual) {
    var items = actual instanceof List ? Data.asList(actual) : null;
    var text = actual instanceof String string ? string : null;
    switch (name) {
      case "$all_of" -> Data.asList(argument).forEach(wanted -> value(path, wanted, actual));
      case "$subset" -> {
        subset(path, Data.asMap(argument), actual instanceof Map ? actual : Map.of());
        return actual instanceof Map;
      }
      case "$each" -> {
        for (int i = 0; items != null && i < items.size(); i++) {
          value(path + "/" + i, argument, items.get(i));
        }
        return items != null;
      }
      case "$json" -> value(path, parsed((String) argument), actual);
      case "$parsed" -> value(path, argument, text == null ? MISSING : parsed(text));
      default -> {
        return holds(name, argument, actual, items, text);
      }
    }
    return true;
  }

  private static Object parsed(String text) {
    try {
      return Data.parse(text);
    } catch (JsonSyntaxException malformed) {
      return MISSING;
    }
  }

  private static boolean holds(String name, Object argument, Object actual, List<Object> items, String text) {
    var list = argument instanceof List ? Data.asList(argument) : argument == null ? List.of() : List.of(argument);
    Predicate<Predicate<String>> texts = is -> text != null && list.stream().allMatch(part -> is.test((String) part));
    return switch (name) {
      case "$eq" -> Objects.equals(argument, actual);
      case "$not" -> !matches(argument, actual);
      case "$any_of" -> list.stream().anyMatch(option -> matches(option, actual));
      case "$regex" -> text != null && Pattern.compile((String) argument).matcher(text).find();
      case "$contains" -> texts.test(part -> text.contains(part));
      case "$starts" -> argument instanceof List ? part(list, items, 0) : texts.test(start -> text.startsWith(start));
      case "$ends" -> argument instanceof List
          ? items != null && part(list, items, items.size() - list.size())
          : texts.test(end -> text.endsWith(end));
      case "$unordered" -> items != null && items.size() == list.size() && each(list, items);
      case "$includes" -> items != null && each(list, items);
      case "$length" -> (text != null && matches(argument, Data.number(text.codePointCount(0, text.length()))))
          || (items != null && matches(argument, Data.number(items.size())));
      case "$between" -> between(list, actual);
      case "$float" -> actual instanceof Number number && number.doubleValue() == Double.parseDouble((String) argument);
      default -> false;
    };
  }

  private static boolean part(List<Object> wanted, List<Object> items, int from) {
    return items != null && from >= 0 && items.size() >= wanted.size() && matches(wanted, items.subList(from, from + wanted.size()));
  }

  /** Whether each wanted element matches an element of its own. */
  private static boolean each(List<Object> wanted, List<Object> items) {
    var left = new ArrayList<>(items);
    for (var one : wanted) {
      int at = 0;
      while (at < left.size() && !matches(one, left.get(at))) {
        at++;
      }
      if (at == left.size()) {
        return false;
      }
      left.remove(at);
    }
    return true;
  }

  private static boolean between(List<Object> ends, Object actual) {
    if (actual instanceof String text && ends.get(0) instanceof String low) {
      return low.compareTo(text) <= 0 && text.compareTo((String) ends.get(1)) <= 0;
    }
    return actual instanceof Number number && ends.get(0) instanceof Number low && ends.get(1) instanceof Number high
        && low.doubleValue() <= number.doubleValue() && number.doubleValue() <= high.doubleValue();
  }
}
