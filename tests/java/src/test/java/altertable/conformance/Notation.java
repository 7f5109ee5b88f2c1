package altertable.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.IntervalUnit;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** Arrow types as text, and back. */
final class Notation {
  private static final Map<String, ArrowType> PLAIN = Map.ofEntries(
      Map.entry("null", new ArrowType.Null()), Map.entry("bool", new ArrowType.Bool()),
      Map.entry("int8", new ArrowType.Int(8, true)), Map.entry("int16", new ArrowType.Int(16, true)),
      Map.entry("int32", new ArrowType.Int(32, true)), Map.entry("int64", new ArrowType.Int(64, true)),
      Map.entry("uint8", new ArrowType.Int(8, false)), Map.entry("uint16", new ArrowType.Int(16, false)),
      Map.entry("uint32", new ArrowType.Int(32, false)), Map.entry("uint64", new ArrowType.Int(64, false)),
      Map.entry("float16", new ArrowType.FloatingPoint(FloatingPointPrecision.HALF)),
      Map.entry("float32", new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE)),
      Map.entry("float64", new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)),
      Map.entry("utf8", new ArrowType.Utf8()), Map.entry("large_utf8", new ArrowType.LargeUtf8()),
      Map.entry("binary", new ArrowType.Binary()), Map.entry("large_binary", new ArrowType.LargeBinary()),
      Map.entry("date32", new ArrowType.Date(DateUnit.DAY)), Map.entry("date64", new ArrowType.Date(DateUnit.MILLISECOND)),
      Map.entry("time32(s)", new ArrowType.Time(TimeUnit.SECOND, 32)), Map.entry("time32(ms)", new ArrowType.Time(TimeUnit.MILLISECOND, 32)),
      Map.entry("time64(us)", new ArrowType.Time(TimeUnit.MICROSECOND, 64)), Map.entry("time64(ns)", new ArrowType.Time(TimeUnit.NANOSECOND, 64)),
      Map.entry("interval(year_month)", new ArrowType.Interval(IntervalUnit.YEAR_MONTH)),
      Map.entry("interval(day_time)", new ArrowType.Interval(IntervalUnit.DAY_TIME)),
      Map.entry("interval(month_day_nano)", new ArrowType.Interval(IntervalUnit.MONTH_DAY_NANO)));
  private static final Map<String, TimeUnit> UNITS =
      Map.of("s", TimeUnit.SECOND, "ms", TimeUnit.MILLISECOND, "us", TimeUnit.MICROSECOND, "ns", TimeUnit.NANOSECOND);

  private Notation() {}

  static List<Object> schema(Schema schema) {
    return schema.getFields().stream().<Object>map(Notation::field).collect(Collectors.toCollection(ArrayList::new));
  }

  /** A map per column. */
  static List<Object> metadata(Schema schema) {
    return schema.getFields().stream().map(field -> Data.from(field.getMetadata())).collect(Collectors.toCollection(ArrayList::new));
  }

  static String field(Field field) {
    return field.getName() + " " + type(field) + (field.isNullable() ? "" : "!");
  }

  private static String type(Field field) {
    var type = field.getType();
    for (var plain : PLAIN.entrySet()) {
      if (plain.getValue().equals(type)) {
        return plain.getKey();
      }
    }
    var inside = field.getChildren().stream().map(Notation::field).collect(Collectors.joining(", "));
    if (type instanceof ArrowType.Timestamp stamp) {
      var unit = UNITS.entrySet().stream().filter(entry -> entry.getValue() == stamp.getUnit()).findFirst().orElseThrow().getKey();
      return "timestamp(" + unit + (stamp.getTimezone() == null ? "" : "," + stamp.getTimezone()) + ")";
    } else if (type instanceof ArrowType.Decimal decimal) {
      return "decimal" + decimal.getBitWidth() + "(" + decimal.getPrecision() + "," + decimal.getScale() + ")";
    } else if (type instanceof ArrowType.FixedSizeList list) {
      return "fixed_size_list<" + inside + ">[" + list.getListSize() + "]";
    } else if (type instanceof ArrowType.List) {
      return "list<" + inside + ">";
    } else if (type instanceof ArrowType.Struct) {
      return "struct<" + inside + ">";
    } else if (type instanceof ArrowType.Union union) {
      return (union.getMode() == UnionMode.Dense ? "dense" : "sparse") + "_union<" + inside + ">";
    } else if (type instanceof ArrowType.Map) {
      return "map<" + field.getChildren().get(0).getChildren().stream().map(Notation::field).collect(Collectors.joining(", ")) + ">";
    }
    return type.toString();
  }

  /** Reads {@code name type}, {@code name type!}, {@code name type@extension}. */
  static Field read(String text) {
    text = text.strip();
    boolean quoted = text.startsWith("\"");
    var parts = quoted ? text.substring(1).split("\" ", 2) : text.split(" ", 2);
    var kind = parts[1];
    var metadata = Map.<String, String>of();
    int extension = kind.lastIndexOf('@');
    if (extension >= 0 && kind.indexOf('>', extension) < 0) {
      metadata = Map.of("ARROW:extension:name", kind.substring(extension + 1), "ARROW:extension:metadata", "");
      kind = kind.substring(0, extension);
    }
    boolean nullable = !kind.endsWith("!");
    kind = nullable ? kind : kind.substring(0, kind.length() - 1);
    return new Field(parts[0], new FieldType(nullable, type(kind), null, metadata), children(kind));
  }

  private static ArrowType type(String text) {
    if (PLAIN.containsKey(text)) {
      return PLAIN.get(text);
    }
    var parameters = text.replaceAll("^[a-z0-9_]+\\(|\\)$", "").split(",");
    if (text.startsWith("timestamp(")) {
      return new ArrowType.Timestamp(UNITS.get(parameters[0]), parameters.length > 1 ? parameters[1].strip() : null);
    } else if (text.matches("decimal(128|256)\\(.*")) {
      int bits = Integer.parseInt(text.substring(7, 10));
      return new ArrowType.Decimal(Integer.parseInt(parameters[0].strip()), Integer.parseInt(parameters[1].strip()), bits);
    } else if (text.startsWith("fixed_size_binary(")) {
      return new ArrowType.FixedSizeBinary(Integer.parseInt(parameters[0]));
    } else if (text.startsWith("duration(")) {
      return new ArrowType.Duration(UNITS.get(parameters[0]));
    } else if (text.startsWith("list<")) {
      return new ArrowType.List();
    } else if (text.startsWith("large_list<")) {
      return new ArrowType.LargeList();
    } else if (text.startsWith("struct<")) {
      return new ArrowType.Struct();
    } else if (text.startsWith("map<")) {
      return new ArrowType.Map(false);
    } else if (text.startsWith("fixed_size_list<")) {
      return new ArrowType.FixedSizeList(Integer.parseInt(text.replaceAll(".*\\[|\\]", "")));
    }
    throw new Unsupported("builds no " + text.replaceAll("[(<].*", "") + " columns");
  }

  private static List<Field> children(String text) {
    int open = text.indexOf('<');
    if (open < 0) {
      return List.of();
    }
    var fields = split(text.substring(open + 1, text.lastIndexOf('>'))).stream().map(Notation::read).toList();
    return text.startsWith("map<")
        ? List.of(new Field("entries", FieldType.notNullable(new ArrowType.Struct()), fields))
        : fields;
  }

  /** Splits at the commas of the outermost level. */
  private static List<String> split(String text) {
    var parts = new ArrayList<String>();
    int depth = 0;
    int start = 0;
    for (int at = 0; at < text.length(); at++) {
      char letter = text.charAt(at);
      if ("<([".indexOf(letter) >= 0) {
        depth++;
      } else if (">)]".indexOf(letter) >= 0) {
        depth--;
      } else if (letter == ',' && depth == 0) {
        parts.add(text.substring(start, at));
        start = at + 1;
      }
    }
    parts.add(text.substring(start));
    return parts;
  }
}
