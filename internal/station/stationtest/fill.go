package stationtest

import (
	"reflect"
	"time"

	"pgregory.net/rapid"
)

// Fill draws a value for each exported field of what into points to, also within what it has:
// empty ones, texts of every kind and times of every place. It is for whoever writes these
// types by hand, and must forget no field.
func Fill(t *rapid.T, into any) { fill(t, reflect.ValueOf(into).Elem(), 0) }

func fill(t *rapid.T, v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(rapid.SampledFrom([]time.Time{
			{}, time.Unix(0, 0).UTC(), time.Date(2026, 3, 2, 8, 15, 0, 250_000_000, time.FixedZone("", 3600)),
			time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.FixedZone("", -5*3600-1800)),
		}).Draw(t, "time")))
		return
	}
	if depth > 0 && rapid.IntRange(0, 3).Draw(t, "empty") == 0 {
		return
	}
	many := rapid.IntRange(0, 3)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i), depth+1)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), many.Draw(t, "length"), 3))
		for i := range v.Len() {
			fill(t, v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range many.Draw(t, "size") {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, depth+1)
			fill(t, value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"order", "Ö<&>\"\\\n\x01", "a\u2028b\u2029", "not \xff UTF-8", "\x7f", "\ufffd"})).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "truth"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64Range(-1<<31, 1<<31).Draw(t, "number"))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, "number"))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, "byte")))
	default:
		t.Fatalf("a field of type %v cannot be filled yet", v.Type())
	}
}
