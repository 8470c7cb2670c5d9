package troupe

import (
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// funcLabel returns a short name for the function at pc: "pingPong" for
// main.pingPong, "Spec.Run" for a bound method, "main.func1" for a closure.
func funcLabel(pc uintptr) string {
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "process"
	}
	name := strings.TrimSuffix(f.Name(), "-fm")
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	name = strings.ReplaceAll(name, "[...]", "")
	pkg, name, ok := strings.Cut(name, ".")
	if !ok {
		return pkg
	}
	name = strings.NewReplacer("(*", "", ")", "", "(", "").Replace(name)
	return name
}

// typeLabel returns the name of a handler's type without its package.
func typeLabel(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := t.Name()
	if i := strings.IndexByte(name, '['); i >= 0 {
		name = name[:i]
	}
	if name == "" {
		return "handler"
	}
	return name
}

// label returns the process's own name in the tree.
func (p *process) label() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	label, _ := p.impl.look()
	return label
}

// unique returns a label that tells the process from its siblings: a name that
// was given, or what it runs and its number.
func (p *process) segment() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	label, _ := p.impl.look()
	if p.ext != nil && p.ext.label != "" {
		return label
	}
	return label + "." + strconv.FormatUint(p.id, 10)
}
