// log_d: the natural logarithm in double, the same bits on every machine.
//
// libm's log differs between processors with and without fused multiply-add,
// so nothing that reaches a token or a reported number may use it. Plain adds,
// multiplies and one division in a fixed order; error below 2.5 ulp.
// Specification: sampler/README.md, "Arithmetic".
#ifndef LOGITD_SAMPLER_NATURAL_LOG_H_
#define LOGITD_SAMPLER_NATURAL_LOG_H_

namespace logitd {

// ln(x) for finite normal x > 0. Pure, thread-safe, about 10 ns.
double LogD(double x);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_NATURAL_LOG_H_
