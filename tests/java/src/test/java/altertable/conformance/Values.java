package altertable.conformance;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.StringJoiner;
import java.util.regex.Pattern;
import org.apache.arrow.vector.*;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.MapVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.complex.UnionVector;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;

/** Arrow values as the contract's LN table writes them, and back. */
final class Values {
  private static final DateTimeFormatter DATE = new DateTimeFormatterBuilder()
      .appendValue(ChronoField.YEAR, 4, 10, java.time.format.SignStyle.EXCEEDS_PAD).appendPattern("-MM-dd").toFormatter();

  private Values() {}

  static List<Object> rows(VectorSchemaRoot root) {
    var rows = new ArrayList<>();
    for (int i = 0; i < root.getRowCount(); i++) {
      var row = new ArrayList<>();
      for (var vector : root.getFieldVectors()) {
        row.add(get(vector, i));
      }
      rows.add(row);
    }
    return rows;
  }

  static Object get(ValueVector vector, int i) {
    if (vector instanceof UnionVector union) {
      return get(union.getVector(i), i);
    } else if (vector instanceof DenseUnionVector union) {
      return get(union.getVectorByType(union.getTypeId(i)), union.getOffset(i));
    } else if (vector.isNull(i)) {
      return null;
    } else if (vector instanceof BitVector bits) {
      return bits.get(i) == 1;
    } else if (vector instanceof UInt1Vector small) {
      return Data.number(small.getObjectNoOverflow(i));
    } else if (vector instanceof UInt2Vector small) {
      return Data.number(small.get(i));
    } else if (vector instanceof UInt4Vector large) {
      return Data.number(large.getObjectNoOverflow(i));
    } else if (vector instanceof UInt8Vector large) {
      return Data.from(large.getObjectNoOverflow(i));
    } else if (vector instanceof BaseIntVector || vector instanceof Float4Vector || vector instanceof Float8Vector) {
      return Data.from(vector.getObject(i));
    } else if (vector.getObject(i) instanceof BigDecimal decimal) {
      return Data.from(decimal);
    } else if (vector.getObject(i) instanceof byte[] bytes) {
      return HexFormat.of().formatHex(bytes);
    } else if (vector instanceof VarCharVector || vector instanceof LargeVarCharVector) {
      return vector.getObject(i).toString();
    }
    return vector.getField().getChildren().isEmpty() ? time(vector, i) : nested(vector, i);
  }

  private static Object nested(ValueVector vector, int i) {
    if (vector instanceof StructVector struct) {
      var made = Data.map();
      struct.getChildrenFromFields().forEach(child -> made.put(child.getName(), get(child, i)));
      return made;
    } else if (vector instanceof MapVector map) {
      var entries = ((StructVector) map.getDataVector()).getChildrenFromFields();
      var made = Data.map();
      for (int at = map.getElementStartIndex(i); at < map.getElementEndIndex(i); at++) {
        made.put(Data.asText(get(entries.get(0), at)), get(entries.get(1), at));
      }
      return made;
    } else if (vector instanceof ListVector list) {
      return items(list.getDataVector(), list.getElementStartIndex(i), list.getElementEndIndex(i));
    } else if (vector instanceof FixedSizeListVector list) {
      return items(list.getDataVector(), i * list.getListSize(), (i + 1) * list.getListSize());
    }
    throw new Unsupported("reads no " + vector.getField().getType() + " columns");
  }

  private static List<Object> items(ValueVector vector, int start, int end) {
    var items = new ArrayList<>();
    for (int at = start; at < end; at++) {
      items.add(get(vector, at));
    }
    return items;
  }

  private static Object time(ValueVector vector, int i) {
    if (vector instanceof DateDayVector days) {
      int day = days.get(i);
      return day == Integer.MAX_VALUE ? "infinity" : day == -Integer.MAX_VALUE ? "-infinity" : LocalDate.ofEpochDay(day).format(DATE);
    } else if (vector instanceof TimeMicroVector micros) {
      return clock(micros.get(i) * 1000);
    } else if (vector instanceof TimeNanoVector nanos) {
      return clock(nanos.get(i));
    } else if (vector instanceof TimeStampVector stamp) {
      return stamp(stamp.get(i), (ArrowType.Timestamp) vector.getField().getType());
    } else if (vector instanceof IntervalMonthDayNanoVector interval) {
      var value = interval.getObject(i);
      return interval((int) value.getPeriod().toTotalMonths(), value.getPeriod().getDays(), value.getDuration());
    }
    throw new Unsupported("reads no " + vector.getField().getType() + " columns");
  }

  private static String clock(long nanos) {
    return nanos == 86_400_000_000_000L ? "24:00:00" : clock(LocalTime.ofNanoOfDay(nanos));
  }

  /** No fraction, or the shortest exact one of 3, 6 or 9 digits. */
  private static String clock(LocalTime time) {
    var text = time.toString();
    return text.length() == 5 ? text + ":00" : text;
  }

  private static String stamp(long ticks, ArrowType.Timestamp type) {
    if (Math.abs(ticks) == Long.MAX_VALUE) {
      return ticks > 0 ? "infinity" : "-infinity";
    }
    var moment = Instant.EPOCH.plus(ticks, unit(type.getUnit()));
    var zone = type.getTimezone() == null ? ZoneOffset.UTC : ZoneId.of(type.getTimezone());
    var zoned = OffsetDateTime.ofInstant(moment, zone);
    var text = zoned.format(DATE) + "T" + clock(zoned.toLocalTime());
    return type.getTimezone() == null ? text : text + zoned.getOffset().getId();
  }

  private static ChronoUnit unit(TimeUnit unit) {
    return switch (unit) {
      case SECOND -> ChronoUnit.SECONDS;
      case MILLISECOND -> ChronoUnit.MILLIS;
      case MICROSECOND -> ChronoUnit.MICROS;
      case NANOSECOND -> ChronoUnit.NANOS;
    };
  }

  private static String interval(int months, int days, Duration span) {
    var parts = new StringJoiner(" ").setEmptyValue("0 secs");
    long nanos = span.toNanos();
    long[] counts = {months, days, nanos / 3_600_000_000_000L, nanos / 60_000_000_000L % 60};
    String[] words = {"mons", "days", "hours", "mins"};
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] != 0) {
        parts.add(counts[i] + " " + words[i]);
      }
    }
    long rest = nanos % 60_000_000_000L;
    if (rest != 0) {
      parts.add(BigDecimal.valueOf(rest, 9).toPlainString() + " secs");
    }
    return parts.toString();
  }

  /** Sets a value as a step writes it. */
  static void set(FieldVector vector, int i, Object value) {
    if (value == null) {
      if (!(vector instanceof NullVector)) {
        vector.setNull(i);
      }
      return;
    }
    if (vector.getField().getChildren().isEmpty()) {
      setScalar(vector, i, Data.asText(value));
    } else if (vector instanceof StructVector struct) {
      struct.setIndexDefined(i);
      struct.getChildrenFromFields().forEach(child -> set(child, i, Data.asMap(value).get(child.getName())));
    } else if (vector instanceof MapVector map) {
      int start = map.startNewValue(i);
      var entries = (StructVector) map.getDataVector();
      int at = start;
      for (var entry : Data.asMap(value).entrySet()) {
        entries.setIndexDefined(at);
        set(entries.getChildrenFromFields().get(0), at, entry.getKey());
        set(entries.getChildrenFromFields().get(1), at++, entry.getValue());
      }
      map.endValue(i, at - start);
    } else if (vector instanceof ListVector list) {
      int start = list.startNewValue(i);
      setAll(list.getDataVector(), start, Data.asList(value));
      list.endValue(i, Data.asList(value).size());
    } else if (vector instanceof FixedSizeListVector list) {
      setAll(list.getDataVector(), list.startNewValue(i), Data.asList(value));
    }
  }

  private static void setAll(FieldVector vector, int start, List<Object> items) {
    for (int at = 0; at < items.size(); at++) {
      set(vector, start + at, items.get(at));
    }
  }

  private static void setScalar(FieldVector vector, int i, String text) {
    var utf8 = text.getBytes(StandardCharsets.UTF_8);
    if (vector instanceof BitVector bits) {
      bits.setSafe(i, text.equals("true") ? 1 : 0);
    } else if (vector instanceof BaseIntVector integers) {
      grow(vector, i);
      integers.setWithPossibleTruncate(i, vector instanceof UInt8Vector ? Long.parseUnsignedLong(text) : Long.parseLong(text));
    } else if (vector instanceof Float4Vector single) {
      single.setSafe(i, Float.parseFloat(text));
    } else if (vector instanceof Float8Vector doubles) {
      doubles.setSafe(i, Double.parseDouble(text));
    } else if (vector instanceof DecimalVector decimal) {
      decimal.setSafe(i, new BigDecimal(text).setScale(decimal.getScale()));
    } else if (vector instanceof Decimal256Vector decimal) {
      decimal.setSafe(i, new BigDecimal(text).setScale(decimal.getScale()));
    } else if (vector instanceof VarCharVector string) {
      string.setSafe(i, utf8);
    } else if (vector instanceof LargeVarCharVector string) {
      string.setSafe(i, utf8);
    } else if (vector instanceof VarBinaryVector binary) {
      binary.setSafe(i, HexFormat.of().parseHex(text));
    } else if (vector instanceof LargeVarBinaryVector binary) {
      binary.setSafe(i, HexFormat.of().parseHex(text));
    } else if (vector instanceof FixedSizeBinaryVector binary) {
      binary.setSafe(i, HexFormat.of().parseHex(text));
    } else {
      setTime(vector, i, text);
    }
  }

  private static void grow(FieldVector vector, int i) {
    while (vector.getValueCapacity() <= i) {
      vector.reAlloc();
    }
  }

  private static final Pattern PART = Pattern.compile("(-?[0-9]+) (mons|days)");

  private static void setTime(FieldVector vector, int i, String text) {
    if (vector instanceof DateDayVector days) {
      days.setSafe(i, (int) LocalDate.parse(text).toEpochDay());
    } else if (vector instanceof DateMilliVector millis) {
      millis.setSafe(i, LocalDate.parse(text).toEpochDay() * 86_400_000);
    } else if (vector instanceof TimeSecVector seconds) {
      seconds.setSafe(i, LocalTime.parse(text).toSecondOfDay());
    } else if (vector instanceof TimeMilliVector millis) {
      millis.setSafe(i, (int) (LocalTime.parse(text).toNanoOfDay() / 1_000_000));
    } else if (vector instanceof TimeMicroVector micros) {
      micros.setSafe(i, LocalTime.parse(text).toNanoOfDay() / 1000);
    } else if (vector instanceof TimeNanoVector nanos) {
      nanos.setSafe(i, LocalTime.parse(text).toNanoOfDay());
    } else if (vector instanceof TimeStampVector stamp) {
      var zoned = text.matches(".*(Z|[+-][0-9]{2}:[0-9]{2})$");
      var moment = zoned ? OffsetDateTime.parse(text).toInstant() : LocalDateTime.parse(text.replace(' ', 'T')).toInstant(ZoneOffset.UTC);
      stamp.setSafe(i, unit(((ArrowType.Timestamp) vector.getField().getType()).getUnit()).between(Instant.EPOCH, moment));
    } else if (vector instanceof IntervalMonthDayNanoVector interval) {
      int[] parts = new int[2];
      PART.matcher(text).results().forEach(part -> parts[part.group(2).equals("mons") ? 0 : 1] = Integer.parseInt(part.group(1)));
      interval.setSafe(i, parts[0], parts[1], 0);
    } else {
      throw new Unsupported("builds no " + vector.getField().getType() + " columns");
    }
  }
}
