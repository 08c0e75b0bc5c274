package web

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"sallyport/oauth"
	"sallyport/problem"
)

// settle deals with the panic of a handler and reports whether the client has its answer. If not, the connection must be
// cut: half an answer must not look like a whole one.
func (f *Front) settle(v *Visit, r *http.Request, fault any) (answered bool) {
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return false // a handler's way to cut the connection; not a fault
	}
	what := fmt.Sprintf("%T", fault) // a value of another kind may hold what the request held
	switch fault := fault.(type) {
	case error:
		what = fault.Error()
	case string:
		what = fault
	}
	f.Faults.Error("handler panicked", "id", v.ID, "method", v.method, "path", v.Path(), "panic", what, "stack", string(debug.Stack()))
	if v.answer.status != 0 {
		return false
	}
	problem.Problem{
		Status: http.StatusInternalServerError,
		Detail: "Something went wrong on the server. The log has the details under this id.",
		Reason: string(oauth.InternalError),
	}.Write(&v.answer, r)
	return true
}
