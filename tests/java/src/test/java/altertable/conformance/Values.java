package altertable.conformance;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
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
import org.apache.arrow.vector.*;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.MapVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.complex.UnionVector;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;

/** Arrow values as the contract's LN table writes them. */
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

  static ChronoUnit unit(TimeUnit unit) {
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
}
