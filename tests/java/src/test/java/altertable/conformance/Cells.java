package altertable.conformance;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.arrow.vector.*;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.MapVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.pojo.ArrowType;

/** Fills Arrow columns with values as a step writes them. */
final class Cells {
  private static final Pattern PART = Pattern.compile("(-?[0-9.]+) (mons|days|secs)");

  private Cells() {}

  /** Sets a value. */
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
    } else if (vector instanceof LargeListVector list) {
      int start = (int) list.startNewValue(i);
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
    } else if (vector instanceof Float2Vector half) {
      half.setSafeWithPossibleTruncate(i, Float.parseFloat(text));
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
      stamp.setSafe(i, Values.unit(((ArrowType.Timestamp) vector.getField().getType()).getUnit()).between(Instant.EPOCH, moment));
    } else if (vector instanceof DurationVector duration) {
      duration.setSafe(i, Long.parseLong(text));
    } else if (vector instanceof IntervalYearVector interval) {
      interval.setSafe(i, part(text, "mons").intValueExact());
    } else if (vector instanceof IntervalDayVector interval) {
      interval.setSafe(i, part(text, "days").intValueExact(), part(text, "secs").scaleByPowerOfTen(3).intValueExact());
    } else if (vector instanceof IntervalMonthDayNanoVector interval) {
      var nanos = part(text, "secs").scaleByPowerOfTen(9).longValueExact();
      interval.setSafe(i, part(text, "mons").intValueExact(), part(text, "days").intValueExact(), nanos);
    } else {
      throw new Unsupported("builds no " + vector.getField().getType() + " columns");
    }
  }

  /** How many months, days or seconds an interval has. */
  private static BigDecimal part(String interval, String unit) {
    var found = PART.matcher(interval).results().filter(part -> part.group(2).equals(unit)).findFirst();
    return found.map(part -> new BigDecimal(part.group(1))).orElse(BigDecimal.ZERO);
  }
}
