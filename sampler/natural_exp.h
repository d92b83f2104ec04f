// exp_d: the natural exponential of a double, by logitd's own arithmetic.
//
// Libraries differ in its last bit, so none of them may reach a token. Pure,
// thread-safe, 20 operations. Specification: sampler/README.md, "Arithmetic".
#ifndef LOGITD_SAMPLER_NATURAL_EXP_H_
#define LOGITD_SAMPLER_NATURAL_EXP_H_

namespace logitd {

// +0 for x < -708. x <= 709; relative error below 1e-15.
double ExpD(double x);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_NATURAL_EXP_H_
