package altertable.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonSyntaxException;
import com.google.gson.Strictness;
import com.google.gson.ToNumberPolicy;
import com.google.gson.internal.LazilyParsedNumber;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON values: null, Boolean, String, LazilyParsedNumber, List and Map, with the order of keys and the digits of numbers kept. */
final class Data {
  private static final Gson JSON = new GsonBuilder().setStrictness(Strictness.STRICT).setObjectToNumberStrategy(ToNumberPolicy.LAZILY_PARSED_NUMBER)
      .serializeNulls().disableHtmlEscaping().create();

  private Data() {}

  static Map<String, Object> map(Object... pairs) {
    var made = new LinkedHashMap<String, Object>();
    for (int i = 0; i < pairs.length; i += 2) {
      made.put((String) pairs[i], pairs[i + 1]);
    }
    return made;
  }

  /** The value as an object; an empty one if it is none. */
  @SuppressWarnings("unchecked")
  static Map<String, Object> asMap(Object value) {
    return value instanceof Map ? (Map<String, Object>) value : Map.of();
  }

  /** The value as an array; an empty one if it is none. */
  @SuppressWarnings("unchecked")
  static List<Object> asList(Object value) {
    return value instanceof List ? (List<Object>) value : List.of();
  }

  static List<String> texts(Object items) {
    return asList(items).stream().map(Data::asText).toList();
  }

  static Number number(long value) {
    return new LazilyParsedNumber(Long.toString(value));
  }

  static int asInt(Object value) {
    return Integer.parseInt(asText(value));
  }

  /** What a YAML, Arrow or JDBC library gives, as values of this kind. */
  static Object from(Object value) {
    if (value instanceof Map<?, ?> map) {
      var made = map();
      map.forEach((key, item) -> made.put(asText(from(key)), from(item)));
      return made;
    } else if (value instanceof List<?> list) {
      return list(list.stream().map(Data::from).toList());
    } else if (value instanceof Double || value instanceof Float) {
      return floating((Number) value);
    } else if (value instanceof BigDecimal decimal) {
      return new LazilyParsedNumber(decimal.toPlainString());
    }
    return value instanceof Number ? new LazilyParsedNumber(value.toString()) : value;
  }

  /** A list that may hold null and may be changed. */
  static List<Object> list(List<?> items) {
    return new ArrayList<>(items);
  }

  /** The shortest digits, always with a point or an exponent; what is no number, as text. */
  private static Object floating(Number number) {
    double value = number.doubleValue();
    if (!Double.isFinite(value)) {
      return Double.toString(value);
    }
    if (value == 0) {
      return new LazilyParsedNumber(number.toString());
    }
    double size = Math.abs(value);
    var digits = new BigDecimal(number.toString()).stripTrailingZeros();
    if (size < (number instanceof Float ? 1e-4 : 1e-5) || size >= 1e16) {
      var unscaled = digits.unscaledValue().toString();
      int first = unscaled.startsWith("-") ? 2 : 1;
      var rest = unscaled.substring(first);
      var power = "e" + (rest.length() - digits.scale());
      return new LazilyParsedNumber(unscaled.substring(0, first) + (rest.isEmpty() ? "" : "." + rest) + power);
    }
    var text = digits.toPlainString();
    return new LazilyParsedNumber(text.contains(".") ? text : text + ".0");
  }

  /** The value of a JSON text; throws a JsonSyntaxException if it is none. */
  static Object parse(String text) {
    if (text.isBlank()) {
      throw new JsonSyntaxException("an empty text");
    }
    return JSON.fromJson(text, Object.class);
  }

  static String encode(Object value) {
    return value == Check.MISSING ? "nothing" : JSON.toJson(value);
  }

  /** How a value reads inside a longer string. */
  static String asText(Object value) {
    return value instanceof String text ? text : encode(value);
  }

  /** Follows a JSON pointer. */
  static Object at(Object value, String pointer) {
    for (var part : List.of(pointer.split("/", -1)).subList(1, pointer.split("/", -1).length)) {
      var list = asList(value);
      if (asMap(value).containsKey(part)) {
        value = asMap(value).get(part);
      } else if (part.matches("[0-9]+") && Integer.parseInt(part) < list.size()) {
        value = list.get(Integer.parseInt(part));
      } else {
        throw new AssertionError("nothing to capture at " + pointer + " of " + shortened(encode(value)));
      }
    }
    return value;
  }

  static String shortened(String text) {
    return text.length() > 800 ? text.substring(0, 800) + "…" : text;
  }
}
