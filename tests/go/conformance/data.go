// Package conformance holds a server to the behaviour spec in conformance/spec, through the Go clients.
package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Values are nil, bool, string, json.Number (digits matter), []any and *object.

// object is a JSON object that keeps the order of its keys.
type object struct {
	keys []string
	at   map[string]any
}

func newObject(pairs ...any) *object {
	made := &object{at: map[string]any{}}
	for i := 0; i < len(pairs); i += 2 {
		made.set(pairs[i].(string), pairs[i+1])
	}
	return made
}

func (o *object) set(key string, value any) {
	if _, known := o.at[key]; !known {
		o.keys = append(o.keys, key)
	}
	o.at[key] = value
}

// get of a nil object finds nothing.
func (o *object) get(key string) (any, bool) {
	if o == nil {
		return nil, false
	}
	value, found := o.at[key]
	return value, found
}

func (o *object) text(key string) string {
	value, _ := o.get(key)
	text, _ := value.(string)
	return text
}

func number[N int | int32 | int64 | uint32](n N) json.Number { return json.Number(fmt.Sprint(n)) }

// encode writes a value as JSON, keys in their order.
func encode(value any) string {
	switch value := value.(type) {
	case *object:
		var parts []string
		for _, key := range value.keys {
			parts = append(parts, encode(key)+":"+encode(value.at[key]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		var parts []string
		for _, item := range value {
			parts = append(parts, encode(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case json.Number:
		return value.String()
	default:
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return fmt.Sprint(value)
		}
		return strings.TrimSuffix(text.String(), "\n")
	}
}

// decode reads a JSON text, digits and order kept.
func decode(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	value, err := decodeNext(decoder)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return value, nil
}

func decodeNext(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		made := newObject()
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			value, err := decodeNext(decoder)
			if err != nil {
				return nil, err
			}
			made.set(key.(string), value)
		}
		_, err := decoder.Token()
		return made, err
	case json.Delim('['):
		items := []any{}
		for decoder.More() {
			item, err := decodeNext(decoder)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		_, err := decoder.Token()
		return items, err
	}
	return token, nil
}

// readYAML reads a spec file: YAML 1.2 core schema.
func readYAML(path string) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return fromNode(node.Content[0])
}

func fromNode(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.AliasNode:
		return fromNode(node.Alias)
	case yaml.SequenceNode:
		items := []any{}
		for _, child := range node.Content {
			item, err := fromNode(child)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		return items, nil
	case yaml.MappingNode:
		made := newObject()
		for i := 0; i < len(node.Content); i += 2 {
			value, err := fromNode(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			made.set(node.Content[i].Value, value)
		}
		return made, nil
	}
	return fromScalar(node)
}

func fromScalar(node *yaml.Node) (any, error) {
	switch node.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return node.Value == "true" || node.Value == "True" || node.Value == "TRUE", nil
	case "!!int":
		return json.Number(node.Value), nil
	case "!!float":
		parsed, err := strconv.ParseFloat(node.Value, 64)
		return double(parsed), err
	default:
		return node.Value, nil
	}
}

// double writes a number as JSON writers of Rust do: the shortest digits, always with a point or an exponent.
func double(value float64) any { return floating(value, 64, 1e-5, 1e16) }

func single(value float32) any { return floating(float64(value), 32, 1e-4, 1e16) }

func floating(value float64, bits int, low, high float64) any {
	switch size := math.Abs(value); {
	case math.IsNaN(value):
		return "NaN"
	case math.IsInf(value, 1):
		return "Infinity"
	case math.IsInf(value, -1):
		return "-Infinity"
	case size != 0 && (size < low || size >= high):
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(value, 'e', -1, bits), "e")
		power, _ := strconv.Atoi(exponent)
		return json.Number(fmt.Sprintf("%se%d", mantissa, power))
	}
	text := strconv.FormatFloat(value, 'f', -1, bits)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return json.Number(text)
}

// asText is how a value reads inside a longer string: strings as they are, the rest as JSON.
func asText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return encode(value)
}

// fill replaces every ${name} inside value, keys included; unknown names stay where keep is set.
func fill(value any, vars map[string]any, keep bool) (any, error) {
	switch value := value.(type) {
	case string:
		return fillText(value, vars, keep)
	case []any:
		items := []any{}
		for _, item := range value {
			filled, err := fill(item, vars, keep)
			if err != nil {
				return nil, err
			}
			items = append(items, filled)
		}
		return items, nil
	case *object:
		made := newObject()
		for _, key := range value.keys {
			name, err := fillText(key, vars, keep)
			if err != nil {
				return nil, err
			}
			filled, err := fill(value.at[key], vars, keep)
			if err != nil {
				return nil, err
			}
			made.set(asText(name), filled)
		}
		return made, nil
	}
	return value, nil
}

func fillText(text string, vars map[string]any, keep bool) (any, error) {
	if strings.HasPrefix(text, "${") && strings.HasSuffix(text, "}") {
		if value, found := vars[text[2:len(text)-1]]; found {
			return value, nil
		}
	}
	var out strings.Builder
	for {
		at := strings.Index(text, "${")
		end := -1
		if at >= 0 {
			end = strings.Index(text[at:], "}")
		}
		if end < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		before, reference := text[:at], text[at:at+end+1]
		text = text[at+end+1:]
		value, found := vars[reference[2:len(reference)-1]]
		switch escaped := strings.HasSuffix(before, "$"); {
		case escaped && !keep:
			out.WriteString(before[:len(before)-1] + reference)
		case escaped || !found && keep:
			out.WriteString(before + reference)
		case found:
			out.WriteString(before + asText(value))
		default:
			return nil, fmt.Errorf("no variable %s has been set", reference)
		}
	}
}
