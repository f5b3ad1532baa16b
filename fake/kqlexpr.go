package fake

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// The expressions of a query are checked for their types while they are compiled, by
// the signatures of https://github.com/microsoft/Kusto-Query-Language.

// kqlType is the type of an expression.
type kqlType string

const (
	kqlString   kqlType = "string" // never null
	kqlNumber   kqlType = "long"   // and real
	kqlBool     kqlType = "bool"
	kqlDatetime kqlType = "datetime"
	kqlTimespan kqlType = "timespan" // an argument only
	kqlDynamic  kqlType = "dynamic"  // what JSON has; known for each row only
)

// convert returns a value as one of the type, or nil for null.
func (t kqlType) convert(value any) any {
	if t == kqlString {
		return kqlText(value)
	}
	if text, ok := value.(string); ok {
		var err error
		switch t {
		case kqlDatetime:
			value, err = kqlTime(text)
		case kqlNumber:
			value, err = strconv.ParseFloat(strings.TrimSpace(text), 64)
		case kqlBool:
			value, err = strconv.ParseBool(strings.ToLower(text))
		}
		if err != nil {
			return nil
		}
	}
	if t != kqlDynamic && t != kqlTypeOf(value) {
		return nil
	}
	return value
}

func kqlTypeOf(value any) kqlType {
	switch value.(type) {
	case string:
		return kqlString
	case float64:
		return kqlNumber
	case bool:
		return kqlBool
	case time.Time:
		return kqlDatetime
	case time.Duration:
		return kqlTimespan
	}
	return kqlDynamic
}

// kqlTime reads a time; one without a zone is UTC.
func kqlTime(text string) (t time.Time, err error) {
	text = strings.Replace(strings.TrimSpace(text), " ", "T", 1)
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
		if t, err = time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}

// kqlText returns the text of a value; that of null is empty.
func kqlText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case time.Time:
		return value.Format("2006-01-02T15:04:05.0000000Z")
	}
	text, _ := json.Marshal(value, json.Deterministic(true)) // a value of JSON
	return string(text)
}

// kqlOperator is a binary operator: it has one of the functions.
type kqlOperator struct {
	order func(sign int) bool // of two values of a type that has an order
	equal bool                // the order is that of equal values, which all types have
	text  func(value, pattern string) bool
	each  string // the operator that one value of a list must satisfy
}

// kqlOperators are the binary operators. Each has a negative, with ! before the
// name or, for two, instead of the first =.
var kqlOperators = map[string]kqlOperator{
	"==":         {order: func(sign int) bool { return sign == 0 }, equal: true},
	"<":          {order: func(sign int) bool { return sign < 0 }},
	"<=":         {order: func(sign int) bool { return sign <= 0 }},
	">":          {order: func(sign int) bool { return sign > 0 }},
	">=":         {order: func(sign int) bool { return sign >= 0 }},
	"=~":         {text: strings.EqualFold},
	"contains":   {text: ignoringCase(strings.Contains)},
	"startswith": {text: ignoringCase(strings.HasPrefix)},
	"endswith":   {text: ignoringCase(strings.HasSuffix)},
	"in":         {each: "=="},
	"in~":        {each: "=~"},
}

func ignoringCase(compare func(a, b string) bool) func(a, b string) bool {
	return func(a, b string) bool { return compare(strings.ToLower(a), strings.ToLower(b)) }
}

// kqlFunction is a function of scalars.
type kqlFunction struct {
	parameters []kqlType // kqlDynamic takes any type, and the others take kqlDynamic
	required   int
	result     kqlType
	call       func(r *kqlRow, args []any) any // with the arguments that there are, converted to the types of the parameters
}

var kqlFunctions = map[string]kqlFunction{
	"tostring":   kqlConversion(kqlString),
	"todatetime": kqlConversion(kqlDatetime),
	"tobool":     kqlOf(kqlDynamic, kqlBool, kqlToBool),
	"bool":       kqlOf(kqlDynamic, kqlBool, kqlToBool),
	"toint":      kqlOf(kqlDynamic, kqlNumber, kqlInteger(32)),
	"tolong":     kqlOf(kqlDynamic, kqlNumber, kqlInteger(64)),
	"toreal":     kqlConversion(kqlNumber),
	"todouble":   kqlConversion(kqlNumber),

	"tolower":    kqlOf(kqlString, kqlString, func(s any) any { return strings.ToLower(s.(string)) }),
	"toupper":    kqlOf(kqlString, kqlString, func(s any) any { return strings.ToUpper(s.(string)) }),
	"isempty":    kqlOf(kqlDynamic, kqlBool, func(v any) any { return kqlText(v) == "" }),
	"isnotempty": kqlOf(kqlDynamic, kqlBool, func(v any) any { return kqlText(v) != "" }),
	"isnull":     kqlOf(kqlDynamic, kqlBool, func(v any) any { return v == nil }),
	"isnotnull":  kqlOf(kqlDynamic, kqlBool, func(v any) any { return v != nil }),
	"not":        kqlOf(kqlBool, kqlBool, kqlNot),
	"now": {[]kqlType{kqlTimespan}, 0, kqlDatetime, func(r *kqlRow, args []any) any {
		if len(args) == 0 {
			return r.now.UTC()
		}
		return r.now.UTC().Add(args[0].(time.Duration))
	}},
	"ago": {[]kqlType{kqlTimespan}, 1, kqlDatetime, func(r *kqlRow, args []any) any { return r.now.UTC().Add(-args[0].(time.Duration)) }},
}

func kqlConversion(to kqlType) kqlFunction { return kqlOf(kqlDynamic, to, to.convert) }

// kqlToBool converts to a boolean; a number other than 0 is true.
func kqlToBool(value any) any {
	if n, ok := value.(float64); ok {
		return n != 0
	}
	return kqlBool.convert(value)
}

// kqlInteger returns the conversion to an integer of so many bits, which cuts a number's
// fraction. A text with a fraction, or what is too large, is null.
func kqlInteger(bits int) func(any) any {
	return func(value any) any {
		n, ok := kqlNumber.convert(value).(float64)
		_, text := value.(string)
		if limit := math.Ldexp(1, bits-1); !ok || text && n != math.Trunc(n) || n < -limit || n >= limit {
			return nil
		}
		return math.Trunc(n)
	}
}

// kqlOf returns a function of one argument.
func kqlOf(parameter, result kqlType, call func(any) any) kqlFunction {
	return kqlFunction{[]kqlType{parameter}, 1, result, func(_ *kqlRow, args []any) any { return call(args[0]) }}
}

// kqlNot negates; not null is null.
func kqlNot(value any) any {
	if value, ok := value.(bool); ok {
		return !value
	}
	return nil
}

// kqlOrder compares two values of a type; ok is false if they have no order.
func kqlOrder(a, b any) (sign int, ok bool) {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return 0, false
	}
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string)), true
	case float64:
		return cmp.Compare(a, b.(float64)), true
	case time.Time:
		return a.Compare(b.(time.Time)), true
	case bool:
		return cmp.Compare(kqlText(a), kqlText(b)), true
	}
	return 0, false
}

// evaluate returns true, false or nil for null: null equals nothing, not even
// null, and has no order.
func (o kqlOperator) evaluate(a, b any) any {
	if o.text != nil {
		return o.text(kqlText(a), kqlText(b))
	}
	sign, ok := kqlOrder(a, b)
	switch {
	case ok:
		return o.order(sign)
	case !o.equal || a == nil && b == nil:
		return nil
	}
	return reflect.DeepEqual(a, b)
}

// kqlExpr is a compiled expression.
type kqlExpr struct {
	kqlType
	name     string // of its column in the result, if it gets no other
	column   string // that it is; empty if it is none
	ofType   string // as in kqlQuery, of the rows that have the predicate
	constant any
	eval     func(r *kqlRow) any
}

// kqlDepth bounds how deep expressions are nested.
const kqlDepth = 100

func (p *kqlParser) expression() kqlExpr {
	p.deeper()
	defer func() { p.depth-- }()
	return p.logical("or", true, func() kqlExpr { return p.logical("and", false, p.comparison) })
}

func (p *kqlParser) deeper() {
	if p.depth++; p.depth > kqlDepth {
		p.refuse(p.tokens[0], "ParserFailure", "The expression is nested too deeply.", "")
	}
}

// logical reads operands with a word between them.
//   - decisive: the value of an operand that decides the result
func (p *kqlParser) logical(word string, decisive bool, operand func() kqlExpr) kqlExpr {
	var operands []kqlExpr
	ofType := ""
	for more := true; more; more = p.accept(word) {
		at := p.tokens[0]
		e := operand()
		if operands == nil && !p.is(word) {
			return e
		}
		p.checkBool(at, e)
		operands = append(operands, e)
		ofType = cmp.Or(ofType, e.ofType)
	}
	if decisive { // one operand of several
		ofType = ""
	}
	return kqlExpr{kqlType: kqlBool, ofType: ofType, eval: func(r *kqlRow) any {
		result := any(!decisive)
		for _, o := range operands {
			switch o.eval(r) {
			case decisive:
				return decisive
			case nil:
				result = nil
			}
		}
		return result
	}}
}

func (p *kqlParser) comparison() kqlExpr {
	left := p.operand()
	t := p.tokens[0]
	name, negated := strings.CutPrefix(t.text, "!")
	if negated && (name == "=" || name == "~") {
		name = "=" + name // != is not ==, !~ is not =~
	}
	operator, ok := kqlOperators[name]
	if !ok || t.kqlType != "" {
		return left
	}
	p.next()
	var e kqlExpr
	if operator.each != "" {
		e = p.compareList(t, kqlOperators[operator.each], left)
	} else {
		e = p.compare(t, operator, left, p.operand())
	}
	if negated {
		return kqlExpr{kqlType: kqlBool, eval: func(r *kqlRow) any { return kqlNot(e.eval(r)) }}
	}
	return e
}

// compare checks the types of a comparison.
func (p *kqlParser) compare(at kqlToken, operator kqlOperator, left, right kqlExpr) kqlExpr {
	common := left.kqlType
	if common == kqlDynamic {
		common = right.kqlType
	}
	same := left.kqlType == right.kqlType
	switch dynamic := left.kqlType == kqlDynamic || right.kqlType == kqlDynamic; {
	case left.kqlType == kqlTimespan || right.kqlType == kqlTimespan,
		operator.text != nil && (right.kqlType != kqlString || common != kqlString),
		operator.text == nil && !same && !dynamic,
		operator.text == nil && !operator.equal && (!same && common != kqlNumber || common == kqlString || common == kqlBool):
		p.failType(at, "Cannot compare values of types %s and %s with '%s'. Try adding explicit casts", left.kqlType, right.kqlType, at.text)
	}
	e := kqlExpr{kqlType: kqlBool, eval: func(r *kqlRow) any {
		return operator.evaluate(common.convert(left.eval(r)), common.convert(right.eval(r)))
	}}
	if text, ok := right.constant.(string); ok && p.isColumn(left, "type") && (operator.equal || at.text == "=~") {
		e.ofType = strings.ToLower(text)
	}
	return e
}

// compareList reads a list, of which one value must satisfy the operator.
func (p *kqlParser) compareList(at kqlToken, operator kqlOperator, left kqlExpr) kqlExpr {
	var each []kqlExpr
	p.expect("(")
	for more := true; more; more = p.accept(",") {
		each = append(each, p.compare(at, operator, left, p.operand()))
	}
	p.expect(")")
	return kqlExpr{kqlType: kqlBool, eval: func(r *kqlRow) any {
		return slices.ContainsFunc(each, func(one kqlExpr) bool { return one.eval(r) == true })
	}}
}

// isColumn returns whether an expression is a column of the table, unchanged.
func (p *kqlParser) isColumn(e kqlExpr, name string) bool {
	return e.column == name && !p.changed[name]
}

// operand reads a value and the path of a part of it.
func (p *kqlParser) operand() kqlExpr {
	e := p.primary()
	if !p.is(".", "[") {
		return e
	}
	var path []any
	names := []string{e.name}
	for p.is(".", "[") {
		if e.kqlType != kqlDynamic {
			p.failType(p.tokens[0], "A value of type %s has no members", e.kqlType)
		}
		step := p.step()
		path, names = append(path, step), append(names, kqlText(step))
	}
	return kqlExpr{kqlType: kqlDynamic, name: strings.Join(names, "_"), eval: func(r *kqlRow) any { return kqlMember(e.eval(r), path) }}
}

// step reads one step of a path: the name of a member, or an index.
func (p *kqlParser) step() (step any) {
	if p.accept(".") {
		if !p.isName() {
			p.fail(p.tokens[0], "")
		}
		return p.next().text
	}
	p.expect("[")
	sign := 1.0
	switch {
	case p.tokens[0].kqlType == kqlString:
		step = p.next().value
		p.expect("]")
		return step
	case p.accept("-"):
		sign = -1
	}
	index := p.next()
	if index.kqlType != kqlNumber {
		p.fail(index, "")
	}
	p.expect("]")
	return sign * index.value.(float64)
}

// kqlMember returns the part of a value at a path of names and indexes, from the
// end if they are negative. It is nil if there is none.
func kqlMember(value any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case float64:
			array, _ := value.([]any)
			if step < 0 {
				step += float64(len(array))
			}
			if value = nil; step >= 0 && step < float64(len(array)) {
				value = array[int(step)]
			}
		}
	}
	return value
}

func (p *kqlParser) primary() kqlExpr {
	t := p.tokens[0]
	switch {
	case t.kqlType != "":
		p.next()
		return kqlConstant(t.kqlType, t.value)
	case p.is("+", "-") && (p.tokens[1].kqlType == kqlNumber || p.tokens[1].kqlType == kqlTimespan):
		sign := map[string]float64{"+": 1, "-": -1}[p.next().text]
		number := p.next()
		if span, ok := number.value.(time.Duration); ok {
			return kqlConstant(kqlTimespan, time.Duration(sign)*span)
		}
		return kqlConstant(kqlNumber, sign*number.value.(float64))
	case p.accept("("):
		e := p.expression()
		p.expect(")")
		return e
	case p.accept("true", "True", "TRUE", "false", "False", "FALSE"):
		return kqlConstant(kqlBool, strings.EqualFold(t.text, "true"))
	case !p.isName():
		p.fail(t, "")
	case p.tokens[1].text == "(":
		return p.call()
	}
	p.next()
	kind, ok := p.columns[t.text]
	if !ok {
		p.failType(t, "Failed to resolve column or scalar expression named '%s'", t.text)
	}
	return kqlExpr{kqlType: kind, name: t.text, column: t.text, eval: func(r *kqlRow) any { return kind.convert(r.value(t.text)) }}
}

func kqlConstant(kind kqlType, value any) kqlExpr {
	return kqlExpr{kqlType: kind, constant: value, eval: func(*kqlRow) any { return value }}
}

func (p *kqlParser) call() kqlExpr {
	name := p.next()
	f, ok := kqlFunctions[name.text]
	if !ok {
		p.refuse(name, "UnknownFunction", kqlMessage(name.text, "Unknown function: '"+name.text+"'."), "")
	}
	p.expect("(")
	var args []kqlExpr
	for more := !p.is(")"); more; more = p.accept(",") {
		at := p.tokens[0]
		e := p.expression()
		if len(args) == len(f.parameters) {
			p.failType(at, "%s(): function expects %d argument(s).", name.text, len(f.parameters))
		}
		want := f.parameters[len(args)]
		converts := want == kqlDynamic || e.kqlType == kqlDynamic && want != kqlBool && want != kqlTimespan
		if e.kqlType != want && !converts {
			p.failType(at, "%s(): argument #%d must be of type %s, not %s", name.text, len(args)+1, want, e.kqlType)
		}
		args = append(args, e)
	}
	p.expect(")")
	if len(args) < f.required {
		p.failType(name, "%s(): function expects %d argument(s).", name.text, len(f.parameters))
	}
	e := kqlExpr{kqlType: f.result, eval: func(r *kqlRow) any {
		values := make([]any, len(args))
		for i, arg := range args {
			values[i] = f.parameters[i].convert(arg.eval(r))
		}
		return f.call(r, values)
	}}
	if len(args) == 1 && strings.HasPrefix(name.text, "to") && f.parameters[0] == kqlDynamic {
		e.name = args[0].name // a conversion keeps it
	}
	return e
}
