package altertable.conformance;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Replaces every <code>${name}</code> inside a value, keys included. */
record Template(Map<String, Object> vars, boolean keepsUnknown) {
  private static final Pattern REFERENCE = Pattern.compile("(\\$?)\\$\\{([^}]*)}");
  private static final Pattern WHOLE = Pattern.compile("\\$\\{([^{}]+)}");

  Object fill(Object value) {
    if (value instanceof String text) {
      return fillText(text);
    } else if (value instanceof List<?> list) {
      return Data.list(list.stream().map(this::fill).toList());
    } else if (value instanceof Map<?, ?> map) {
      var made = new LinkedHashMap<String, Object>();
      map.forEach((key, item) -> made.put(Data.asText(fill(key)), fill(item)));
      return made;
    }
    return value;
  }

  /** A string that is one reference becomes the value itself. */
  private Object fillText(String text) {
    var whole = WHOLE.matcher(text);
    if (whole.matches() && vars.containsKey(whole.group(1))) {
      return vars.get(whole.group(1));
    }
    return REFERENCE.matcher(text).replaceAll(found -> Matcher.quoteReplacement(replaced(found.group(1), found.group(2), found.group())));
  }

  private String replaced(String escape, String name, String reference) {
    if (!escape.isEmpty()) {
      return keepsUnknown ? reference : reference.substring(1);
    } else if (vars.containsKey(name)) {
      return Data.asText(vars.get(name));
    } else if (keepsUnknown) {
      return reference;
    }
    throw new AssertionError("no variable " + reference + " has been set");
  }
}
