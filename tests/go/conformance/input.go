package conformance

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// upload is the data of a step; without columns it has no schema.
type upload struct {
	schema  *arrow.Schema
	batches []arrow.RecordBatch
}

func readUpload(step *object) (upload, error) {
	columns, found := step.get("columns")
	if !found {
		return upload{}, nil
	}
	var fields []arrow.Field
	for _, text := range texts(columns.([]any)) {
		field, err := readField(text)
		if err != nil {
			return upload{}, err
		}
		fields = append(fields, field)
	}
	schema := arrow.NewSchema(fields, nil)
	rows := list(step, "rows")
	if len(rows) == 0 {
		return upload{schema: schema}, nil
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for _, row := range rows {
		for i, value := range row.([]any) {
			if err := appendValue(builder.Field(i), value); err != nil {
				return upload{}, fmt.Errorf("column %s: %w", fields[i].Name, err)
			}
		}
	}
	whole := builder.NewRecordBatch()
	size := whole.NumRows()
	if wanted, found := step.get("batch_rows"); found {
		size, _ = wanted.(json.Number).Int64()
	}
	made := upload{schema: schema}
	for start := int64(0); start < whole.NumRows(); start += size {
		made.batches = append(made.batches, whole.NewSlice(start, min(start+size, whole.NumRows())))
	}
	return made, nil
}

func appendValue(builder array.Builder, value any) error {
	if value == nil {
		builder.AppendNull()
		return nil
	}
	switch builder := builder.(type) {
	case *array.StringBuilder:
		builder.Append(asText(value))
	case *array.LargeStringBuilder:
		builder.Append(asText(value))
	case *array.StringViewBuilder:
		builder.Append(asText(value))
	case *array.StructBuilder:
		return appendStruct(builder, value)
	case *array.MapBuilder:
		return appendMap(builder, value)
	case *array.FixedSizeListBuilder:
		builder.Append(true)
		return appendAll(builder.ValueBuilder(), value.([]any))
	case array.VarLenListLikeBuilder:
		items := value.([]any)
		builder.AppendWithSize(true, len(items))
		return appendAll(builder.ValueBuilder(), items)
	case array.UnionBuilder:
		return appendUnion(builder, value.(*object))
	case array.DictionaryBuilder:
		return appendText(builder, asText(value))
	default:
		return appendScalar(builder, asText(value))
	}
	return nil
}

func appendScalar(builder array.Builder, text string) error {
	switch builder := builder.(type) {
	case *array.BinaryBuilder:
		return appendHex(text, builder.Append)
	case *array.BinaryViewBuilder:
		return appendHex(text, builder.Append)
	case *array.FixedSizeBinaryBuilder:
		return appendHex(text, builder.Append)
	case *array.Float16Builder:
		parsed, err := strconv.ParseFloat(text, 32)
		builder.Append(float16.New(float32(parsed)))
		return err
	case *array.Decimal128Builder:
		parsed, err := decimal.Decimal128FromString(text, 38, builder.Type().(arrow.DecimalType).GetScale())
		builder.Append(parsed)
		return err
	case *array.Decimal256Builder:
		parsed, err := decimal.Decimal256FromString(text, 76, builder.Type().(arrow.DecimalType).GetScale())
		builder.Append(parsed)
		return err
	case *array.TimestampBuilder:
		return appendStamp(builder, text)
	case *array.DurationBuilder:
		parsed, err := strconv.ParseInt(text, 10, 64)
		builder.Append(arrow.Duration(parsed))
		return err
	case *array.MonthIntervalBuilder, *array.DayTimeIntervalBuilder, *array.MonthDayNanoIntervalBuilder:
		return appendInterval(builder, text)
	}
	return appendText(builder, text)
}

// appendText lets the builder read the text by itself, and makes its refusals errors.
func appendText(builder array.Builder, text string) error {
	return builder.AppendValueFromString(text)
}

func appendHex(text string, add func([]byte)) error {
	bytes, err := hex.DecodeString(text)
	add(bytes)
	return err
}

func appendAll(builder array.Builder, items []any) error {
	for _, item := range items {
		if err := appendValue(builder, item); err != nil {
			return err
		}
	}
	return nil
}

func appendStruct(builder *array.StructBuilder, value any) error {
	builder.Append(true)
	for i, field := range builder.Type().(*arrow.StructType).Fields() {
		member, _ := value.(*object).get(field.Name)
		if err := appendValue(builder.FieldBuilder(i), member); err != nil {
			return err
		}
	}
	return nil
}

func appendMap(builder *array.MapBuilder, value any) error {
	builder.Append(true)
	entries := value.(*object)
	for _, key := range entries.keys {
		if err := appendValue(builder.KeyBuilder(), key); err != nil {
			return err
		}
		if err := appendValue(builder.ItemBuilder(), entries.at[key]); err != nil {
			return err
		}
	}
	return nil
}

// appendUnion takes {member: value}.
func appendUnion(builder array.UnionBuilder, value *object) error {
	kind := builder.Type().(arrow.UnionType)
	for i, field := range kind.Fields() {
		member, chosen := value.get(field.Name)
		child := builder.Child(i)
		if chosen {
			builder.Append(kind.TypeCodes()[i])
			if err := appendValue(child, member); err != nil {
				return err
			}
		} else if kind.Mode() == arrow.SparseMode {
			child.AppendNull()
		}
	}
	return nil
}

func appendStamp(builder *array.TimestampBuilder, text string) error {
	kind := builder.Type().(*arrow.TimestampType)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if moment, err := time.Parse(layout, text); err == nil {
			stamp, err := arrow.TimestampFromTime(moment, kind.Unit)
			builder.Append(stamp)
			return err
		}
	}
	return fmt.Errorf("%q is no timestamp", text)
}

var intervalPart = regexp.MustCompile(`(-?[0-9.]+) (years|mons|days|hours|mins|secs)`)

func appendInterval(builder array.Builder, text string) error {
	var months, days int32
	var span time.Duration
	for _, part := range intervalPart.FindAllStringSubmatch(text, -1) {
		count, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return err
		}
		switch part[2] {
		case "years":
			months += 12 * int32(count)
		case "mons":
			months += int32(count)
		case "days":
			days += int32(count)
		default:
			clock := map[string]time.Duration{"hours": time.Hour, "mins": time.Minute, "secs": time.Second}
			span += time.Duration(count * float64(clock[part[2]]))
		}
	}
	switch builder := builder.(type) {
	case *array.MonthIntervalBuilder:
		builder.Append(arrow.MonthInterval(months))
	case *array.DayTimeIntervalBuilder:
		builder.Append(arrow.DayTimeInterval{Days: days, Milliseconds: int32(span.Milliseconds())})
	case *array.MonthDayNanoIntervalBuilder:
		builder.Append(arrow.MonthDayNanoInterval{Months: months, Days: days, Nanoseconds: int64(span)})
	}
	return nil
}

// repeated is a long text: {head, repeat, times, tail}.
func repeated(fill *object) string {
	times, _ := fill.get("times")
	count, _ := strconv.Atoi(asText(times))
	return fill.text("head") + strings.Repeat(fill.text("repeat"), count) + fill.text("tail")
}
