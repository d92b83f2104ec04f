// Vectors of dialects: each as logitd/1 has it, then as the others do.
#include <initializer_list>

#include "tests/sampler/knob_vectors.h"

namespace logitd::tests {
namespace {

using P = Params;

// A vector of logitd/1.
KnobVector Of(const char* name, void (*set)(P*), TokenIds prompt = {},
              TokenIds output = {}) {
  return {name, set, std::move(prompt), std::move(output)};
}

KnobVector On(std::vector<float> row, KnobVector vector) {
  vector.logits = std::move(row);
  return vector;
}

class Cases {
 public:
  void Add(KnobVector vector, std::initializer_list<Dialect> dialects) {
    all_.push_back(vector);
    for (const Dialect dialect : dialects) {
      vector.name = std::string("the same, ") + RulesOf(dialect).name;
      vector.dialect = dialect;
      all_.push_back(vector);
    }
  }
  const KnobVectors& all() const { return all_; }

 private:
  KnobVectors all_;
};

constexpr Dialect kV = Dialect::kVllm, kH = Dialect::kHuggingFace,
                  kL = Dialect::kLlamaCpp, kG = Dialect::kSglang,
                  kO = Dialect::kOpenvino;

void AddBoundaries(Cases* cases) {
  cases->Add(
      On({4, 3, 3, 1}, Of("top_k 2 on 4 3 3 1", [](P* p) { p->top_k = 2; })),
      {kV, kH});
  cases->Add(On({1, 1}, Of("top_p 0.5 on 1 1", [](P* p) { p->top_p = 0.5; })),
             {kG, kO});
  cases->Add(On({0, 1, 1, 1}, Of("typical_p 0.2 on 0 1 1 1",
                                 [](P* p) { p->typical_p = 0.2; })),
             {kH});
  cases->Add(On({1, 1}, Of("temperature 0.000005 on 1 1",
                           [](P* p) { p->temperature = 5e-6; })),
             {kV, kH, kL, kG, kO});
  cases->Add(On({1, 0.9921875}, Of("temperature 0.001 on 1 0.9921875",
                                   [](P* p) { p->temperature = 0.001; })),
             {kV});
}

void AddOrders(Cases* cases) {
  const auto two = [&](const char* name, void (*set)(P*),
                       std::initializer_list<Dialect> dialects) {
    cases->Add(Of(name, set), dialects);
  };
  two("top_k 2, top_h 0.7",
      [](P* p) {
        p->top_k = 2;
        p->top_h = 0.7;
      },
      {kH});
  two("temperature 2, top_p 0.9",
      [](P* p) {
        p->temperature = 2;
        p->top_p = 0.9;
      },
      {kL});
  two("temperature 2, xtc 1, 0.1",
      [](P* p) {
        p->temperature = 2;
        p->xtc_probability = 1;
      },
      {kL});
  two("temperature 0, typical_p 0.2",
      [](P* p) {
        p->temperature = 0;
        p->typical_p = 0.2;
      },
      {kL});
  two("dynamic temperature 0.8, 0.5, 1, top_k 3",
      [](P* p) {
        p->temperature = 0.8;
        p->dynamic_temperature_range = 0.5;
        p->top_k = 3;
      },
      {kL});
  two("dynamic temperature 0, 0.5, 1",
      [](P* p) {
        p->temperature = 0;
        p->dynamic_temperature_range = 0.5;
      },
      {kL});
  two("top_k 3, top_p 0.9",
      [](P* p) {
        p->top_k = 3;
        p->top_p = 0.9;
      },
      {kG, kO});
  two("min_p 0.3, top_p 0.7",
      [](P* p) {
        p->min_p = 0.3;
        p->top_p = 0.7;
      },
      {kV, kH, kO});
}

void AddHistories(Cases* cases) {
  cases->Add(Of("repetition 1.2, presence 0.5, after | 2",
                [](P* p) {
                  p->repetition_penalty = 1.2;
                  p->presence_penalty = 0.5;
                },
                {}, {2}),
             {kG});
  cases->Add(Of("logit_bias 0: -3, repetition 1.2, after | 0",
                [](P* p) {
                  p->logit_bias_ids = {0};
                  p->logit_bias_values = {-3};
                  p->repetition_penalty = 1.2;
                },
                {}, {0}),
             {kG});
  cases->Add(Of("repetition 1.2, after 0 | 5",
                [](P* p) { p->repetition_penalty = 1.2; }, {0}, {5}),
             {kG});
  cases->Add(Of("frequency 0.5, after 0 0 | 5",
                [](P* p) { p->frequency_penalty = 0.5; }, {0, 0}, {5}),
             {kL});
  cases->Add(Of("bad_words 5 0, after 5 |",
                [](P* p) {
                  p->bad_words = {{5, 0}};
                },
                {5}),
             {kH});
  cases->Add(Of("min_tokens 1, eos_ids 0, ignore_eos",
                [](P* p) {
                  p->min_tokens = 1;
                  p->eos_ids = {0};
                  p->ignore_eos = true;
                }),
             {kV, kG, kO});
  cases->Add(On(std::vector<float>(6),
                Of("dry 0.8, breakers 2 3 4 5; 3, after | 4 5 1 2 3 4 5",
                   [](P* p) {
                     p->dry_multiplier = 0.8;
                     p->dry_breaker_sequences = {{2, 3, 4, 5}, {3}};
                   },
                   {}, {4, 5, 1, 2, 3, 4, 5})),
             {kL});
}

}  // namespace

KnobVectors DialectVectors() {
  Cases cases;
  AddBoundaries(&cases);
  AddOrders(&cases);
  AddHistories(&cases);
  return cases.all();
}

}  // namespace logitd::tests
