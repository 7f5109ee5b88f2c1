package conformance

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// plainTypes have no parameters.
var plainTypes = map[string]arrow.DataType{
	"null": arrow.Null, "bool": arrow.FixedWidthTypes.Boolean,
	"int8": arrow.PrimitiveTypes.Int8, "int16": arrow.PrimitiveTypes.Int16, "int32": arrow.PrimitiveTypes.Int32, "int64": arrow.PrimitiveTypes.Int64,
	"uint8": arrow.PrimitiveTypes.Uint8, "uint16": arrow.PrimitiveTypes.Uint16, "uint32": arrow.PrimitiveTypes.Uint32, "uint64": arrow.PrimitiveTypes.Uint64,
	"float16": arrow.FixedWidthTypes.Float16, "float32": arrow.PrimitiveTypes.Float32, "float64": arrow.PrimitiveTypes.Float64,
	"utf8": arrow.BinaryTypes.String, "large_utf8": arrow.BinaryTypes.LargeString, "utf8_view": arrow.BinaryTypes.StringView,
	"binary": arrow.BinaryTypes.Binary, "large_binary": arrow.BinaryTypes.LargeBinary, "binary_view": arrow.BinaryTypes.BinaryView,
	"date32": arrow.FixedWidthTypes.Date32, "date64": arrow.FixedWidthTypes.Date64,
	"time32(s)": arrow.FixedWidthTypes.Time32s, "time32(ms)": arrow.FixedWidthTypes.Time32ms,
	"time64(us)": arrow.FixedWidthTypes.Time64us, "time64(ns)": arrow.FixedWidthTypes.Time64ns,
	"duration(s)": arrow.FixedWidthTypes.Duration_s, "duration(ms)": arrow.FixedWidthTypes.Duration_ms,
	"duration(us)": arrow.FixedWidthTypes.Duration_us, "duration(ns)": arrow.FixedWidthTypes.Duration_ns,
	"interval(year_month)": arrow.FixedWidthTypes.MonthInterval, "interval(day_time)": arrow.FixedWidthTypes.DayTimeInterval,
	"interval(month_day_nano)": arrow.FixedWidthTypes.MonthDayNanoInterval,
}

var units = map[string]arrow.TimeUnit{"s": arrow.Second, "ms": arrow.Millisecond, "us": arrow.Microsecond, "ns": arrow.Nanosecond}

// schemaText is a schema in the notation of the spec.
func schemaText(schema *arrow.Schema) []any {
	columns := []any{}
	for _, field := range schema.Fields() {
		columns = append(columns, fieldText(field))
	}
	return columns
}

// metadataOf is a map per column.
func metadataOf(schema *arrow.Schema) []any {
	columns := []any{}
	for _, field := range schema.Fields() {
		made := newObject()
		for i, key := range field.Metadata.Keys() {
			made.set(key, field.Metadata.Values()[i])
		}
		columns = append(columns, made)
	}
	return columns
}

func fieldText(field arrow.Field) string {
	if field.Nullable {
		return field.Name + " " + typeText(field.Type)
	}
	return field.Name + " " + typeText(field.Type) + "!"
}

func typeText(of arrow.DataType) string {
	for text, plain := range plainTypes {
		if arrow.TypeEqual(plain, of) {
			return text
		}
	}
	switch of := of.(type) {
	case *arrow.TimestampType:
		if of.TimeZone != "" {
			return fmt.Sprintf("timestamp(%s,%s)", of.Unit, of.TimeZone)
		}
		return fmt.Sprintf("timestamp(%s)", of.Unit)
	case arrow.DecimalType:
		return fmt.Sprintf("decimal%d(%d,%d)", of.BitWidth(), of.GetPrecision(), of.GetScale())
	case *arrow.FixedSizeBinaryType:
		return fmt.Sprintf("fixed_size_binary(%d)", of.ByteWidth)
	case *arrow.ListType:
		return "list<" + fieldText(of.ElemField()) + ">"
	case *arrow.LargeListType:
		return "large_list<" + fieldText(of.ElemField()) + ">"
	case *arrow.ListViewType:
		return "list_view<" + fieldText(of.ElemField()) + ">"
	case *arrow.FixedSizeListType:
		return fmt.Sprintf("fixed_size_list<%s>[%d]", fieldText(of.ElemField()), of.Len())
	case *arrow.StructType:
		return "struct<" + fieldTexts(of.Fields()) + ">"
	case *arrow.MapType:
		return "map<" + fieldTexts([]arrow.Field{of.KeyField(), of.ItemField()}) + ">"
	case *arrow.DictionaryType:
		return fmt.Sprintf("dictionary<%s, %s>", typeText(of.IndexType), typeText(of.ValueType))
	case arrow.UnionType:
		return fmt.Sprintf("%s<%s>", of.Name(), fieldTexts(of.Fields()))
	}
	return of.String()
}

func fieldTexts(fields []arrow.Field) string {
	var made []string
	for _, field := range fields {
		made = append(made, fieldText(field))
	}
	return strings.Join(made, ", ")
}

// readField reads `name type`, `name type!` and `name type@extension`; a name with blanks stands in double quotes.
func readField(text string) (arrow.Field, error) {
	name, kind, found := strings.Cut(strings.TrimSpace(text), " ")
	if rest, quoted := strings.CutPrefix(strings.TrimSpace(text), `"`); quoted {
		name, kind, found = strings.Cut(rest, `" `)
	}
	if !found {
		return arrow.Field{}, fmt.Errorf("%q is not `name type`", text)
	}
	field := arrow.Field{Name: name, Nullable: true}
	if at := strings.LastIndex(kind, "@"); at >= 0 && !strings.Contains(kind[at:], ">") {
		field.Metadata = arrow.NewMetadata([]string{"ARROW:extension:name", "ARROW:extension:metadata"}, []string{kind[at+1:], ""})
		kind = kind[:at]
	}
	if without, required := strings.CutSuffix(kind, "!"); required {
		kind, field.Nullable = without, false
	}
	var err error
	field.Type, err = readType(kind)
	return field, err
}

func readType(text string) (arrow.DataType, error) {
	text = strings.TrimSpace(text)
	if plain, found := plainTypes[text]; found {
		return plain, nil
	}
	open := strings.IndexAny(text, "(<")
	end := strings.LastIndexAny(text, ")>")
	if open < 0 || end < open {
		return nil, fmt.Errorf("%q is no Arrow type", text)
	}
	head, parts := text[:open], splitOutside(text[open+1:end])
	if text[open] == '(' {
		return readParameters(text, head, parts)
	}
	if head == "dictionary" {
		key, err := readType(parts[0])
		if err != nil {
			return nil, err
		}
		value, err := readType(parts[1])
		return &arrow.DictionaryType{IndexType: key, ValueType: value}, err
	}
	var fields []arrow.Field
	for _, part := range parts {
		field, err := readField(part)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
	}
	return nestedType(text, head, text[end+1:], fields)
}

func readParameters(text, head string, parts []string) (arrow.DataType, error) {
	var numbers [2]int32
	for i, part := range parts {
		if parsed, err := strconv.Atoi(part); err == nil {
			numbers[i] = int32(parsed)
		}
	}
	switch head {
	case "timestamp":
		return &arrow.TimestampType{Unit: units[parts[0]], TimeZone: strings.Join(parts[1:], "")}, nil
	case "fixed_size_binary":
		return &arrow.FixedSizeBinaryType{ByteWidth: int(numbers[0])}, nil
	case "decimal32":
		return &arrow.Decimal32Type{Precision: numbers[0], Scale: numbers[1]}, nil
	case "decimal64":
		return &arrow.Decimal64Type{Precision: numbers[0], Scale: numbers[1]}, nil
	case "decimal128":
		return &arrow.Decimal128Type{Precision: numbers[0], Scale: numbers[1]}, nil
	case "decimal256":
		return &arrow.Decimal256Type{Precision: numbers[0], Scale: numbers[1]}, nil
	}
	return nil, fmt.Errorf("%q is no Arrow type", text)
}

func nestedType(text, head, tail string, fields []arrow.Field) (arrow.DataType, error) {
	codes := make([]arrow.UnionTypeCode, len(fields))
	for i := range fields {
		codes[i] = arrow.UnionTypeCode(i)
	}
	switch head {
	case "list":
		return arrow.ListOfField(fields[0]), nil
	case "large_list":
		return arrow.LargeListOfField(fields[0]), nil
	case "list_view":
		return arrow.ListViewOfField(fields[0]), nil
	case "fixed_size_list":
		size, err := strconv.Atoi(strings.Trim(tail, "[]"))
		return arrow.FixedSizeListOfField(int32(size), fields[0]), err
	case "struct":
		return arrow.StructOf(fields...), nil
	case "map":
		return arrow.MapOfFields(fields[0], fields[1]), nil
	case "sparse_union":
		return arrow.SparseUnionOf(fields, codes), nil
	case "dense_union":
		return arrow.DenseUnionOf(fields, codes), nil
	}
	return nil, fmt.Errorf("%q is no Arrow type", text)
}

// splitOutside splits at the commas of the outermost level.
func splitOutside(text string) []string {
	depth, start := 0, 0
	var parts []string
	for at, letter := range text {
		switch letter {
		case '<', '(', '[':
			depth++
		case '>', ')', ']':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(text[start:at]))
				start = at + 1
			}
		}
	}
	return append(parts, strings.TrimSpace(text[start:]))
}
