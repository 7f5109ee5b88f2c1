package conformance

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// rowsOf are the rows of a batch, as the contract's LN table writes values.
func rowsOf(batch arrow.RecordBatch) ([]any, error) {
	rows := make([]any, batch.NumRows())
	for i := range rows {
		row := make([]any, batch.NumCols())
		for column := range row {
			value, err := valueAt(batch.Column(column), i)
			if err != nil {
				return nil, err
			}
			row[column] = value
		}
		rows[i] = row
	}
	return rows, nil
}

func valueAt(column arrow.Array, i int) (any, error) {
	if union, ok := column.(array.Union); ok {
		return unionAt(union, i)
	}
	if column.IsNull(i) {
		return nil, nil
	}
	switch column := column.(type) {
	case *array.Boolean:
		return column.Value(i), nil
	case *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Uint8, *array.Uint16, *array.Uint32, *array.Uint64:
		return json.Number(column.ValueStr(i)), nil
	case *array.Float32:
		return single(column.Value(i)), nil
	case *array.Float64:
		return double(column.Value(i)), nil
	case *array.Decimal128:
		return json.Number(column.Value(i).ToString(column.DataType().(arrow.DecimalType).GetScale())), nil
	case *array.Decimal256:
		return json.Number(column.Value(i).ToString(column.DataType().(arrow.DecimalType).GetScale())), nil
	case array.StringLike:
		return column.Value(i), nil
	case interface{ Value(int) []byte }:
		return hex.EncodeToString(column.Value(i)), nil
	case *array.Dictionary:
		return valueAt(column.Dictionary(), column.GetValueIndex(i))
	}
	if text, found := timeAt(column, i); found {
		return text, nil
	}
	return nestedAt(column, i)
}

func nestedAt(column arrow.Array, i int) (any, error) {
	switch column := column.(type) {
	case *array.Struct:
		made := newObject()
		for at, field := range column.DataType().(*arrow.StructType).Fields() {
			value, err := valueAt(column.Field(at), i)
			if err != nil {
				return nil, err
			}
			made.set(field.Name, value)
		}
		return made, nil
	case *array.Map:
		made := newObject()
		start, end := column.ValueOffsets(i)
		for at := int(start); at < int(end); at++ {
			key, err := valueAt(column.Keys(), at)
			if err != nil {
				return nil, err
			}
			value, err := valueAt(column.Items(), at)
			if err != nil {
				return nil, err
			}
			made.set(asText(key), value)
		}
		return made, nil
	case array.ListLike:
		start, end := column.ValueOffsets(i)
		items := []any{}
		for at := int(start); at < int(end); at++ {
			item, err := valueAt(column.ListValues(), at)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		return items, nil
	case array.ExtensionArray:
		return valueAt(column.Storage(), i)
	}
	return nil, fmt.Errorf("no notation for values of type %s", column.DataType())
}

func unionAt(column array.Union, i int) (any, error) {
	child := column.Field(column.ChildID(i))
	if dense, ok := column.(*array.DenseUnion); ok {
		return valueAt(child, int(dense.ValueOffset(i)))
	}
	return valueAt(child, i)
}

func timeAt(column arrow.Array, i int) (string, bool) {
	switch column := column.(type) {
	case *array.Date32:
		return dateText(column.Value(i)), true
	case *array.Date64:
		return stampText(int64(column.Value(i)), arrow.Millisecond, ""), true
	case *array.Time32:
		return clockText(int64(column.Value(i)), column.DataType().(*arrow.Time32Type).Unit), true
	case *array.Time64:
		return clockText(int64(column.Value(i)), column.DataType().(*arrow.Time64Type).Unit), true
	case *array.Timestamp:
		kind := column.DataType().(*arrow.TimestampType)
		return stampText(int64(column.Value(i)), kind.Unit, kind.TimeZone), true
	case *array.MonthDayNanoInterval:
		value := column.Value(i)
		return intervalText(value.Months, value.Days, value.Nanoseconds), true
	}
	return "", false
}

func dateText(days arrow.Date32) string {
	switch days {
	case math.MaxInt32:
		return "infinity"
	case -math.MaxInt32:
		return "-infinity"
	}
	return yearText(days.ToTime())
}

// yearText writes years beyond four digits with their sign.
func yearText(day time.Time) string {
	year := fmt.Sprintf("%04d", day.Year())
	if day.Year() > 9999 {
		year = "+" + year
	} else if day.Year() < 0 {
		year = fmt.Sprintf("-%04d", -day.Year())
	}
	return year + day.Format("-01-02")
}

func clockText(ticks int64, unit arrow.TimeUnit) string {
	span := time.Duration(ticks) * unit.Multiplier()
	if span == 24*time.Hour {
		return "24:00:00"
	}
	return clockOf(time.Unix(0, int64(span)).UTC())
}

// clockOf has no fraction, or the shortest exact one of 3, 6 or 9 digits.
func clockOf(moment time.Time) string {
	layout := "15:04:05"
	for _, digits := range []int{3, 6, 9} {
		if nanos := moment.Nanosecond(); nanos != 0 {
			layout = "15:04:05." + strings.Repeat("0", digits)
			if nanos%int(math.Pow10(9-digits)) == 0 {
				break
			}
		}
	}
	return moment.Format(layout)
}

func stampText(ticks int64, unit arrow.TimeUnit, zone string) string {
	switch ticks {
	case math.MaxInt64:
		return "infinity"
	case -math.MaxInt64:
		return "-infinity"
	}
	per := int64(time.Second / unit.Multiplier())
	seconds, rest := ticks/per, ticks%per
	moment := time.Unix(seconds, rest*int64(unit.Multiplier())).UTC()
	if zone == "" {
		return yearText(moment) + "T" + clockOf(moment)
	}
	if place, err := time.LoadLocation(zone); err == nil {
		moment = moment.In(place)
	} else if fixed, err := time.Parse("-07:00", zone); err == nil {
		moment = moment.In(fixed.Location())
	}
	return yearText(moment) + "T" + clockOf(moment) + moment.Format("Z07:00")
}

// intervalText is the notation of LN-03: parts that are zero are left out.
func intervalText(months, days int32, nanos int64) string {
	var parts []string
	add := func(count int64, word string) {
		if count != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count, word))
		}
	}
	add(int64(months), "mons")
	add(int64(days), "days")
	add(nanos/int64(time.Hour), "hours")
	add(nanos/int64(time.Minute)%60, "mins")
	if rest := nanos % int64(time.Minute); rest != 0 {
		sign := ""
		if rest < 0 {
			sign, rest = "-", -rest
		}
		parts = append(parts, fmt.Sprintf("%s%d.%09d secs", sign, rest/int64(time.Second), rest%int64(time.Second)))
	}
	if len(parts) == 0 {
		return "0 secs"
	}
	return strings.Join(parts, " ")
}
