// encoder.kind = bert: a BERT model out of a Hugging Face folder.
#include "equal/encode/bert.hpp"

#include "encoders.hpp"

namespace equal::job {

encode::BertParams bert_params(const settings::Settings& s) {
  encode::BertParams params;
  params.pooling = s.encoder_pooling == "mean"  ? encode::Pooling::mean
                   : s.encoder_pooling == "cls" ? encode::Pooling::cls
                                                : encode::Pooling::automatic;
  params.long_documents =
      s.encoder_long_documents == "windows" ? encode::LongDocuments::windows : encode::LongDocuments::truncate;
  params.precision = s.encoder_precision == "f32"    ? encode::BertPrecision::f32
                     : s.encoder_precision == "bf16" ? encode::BertPrecision::bf16
                     : s.encoder_precision == "int8" ? encode::BertPrecision::int8
                                                     : encode::BertPrecision::automatic;
  params.max_tokens = s.encoder_max_tokens;
  if (!s.encoder_document_prefix.empty()) params.document_prefix = s.encoder_document_prefix;
  if (!s.encoder_query_prefix.empty()) params.query_prefix = s.encoder_query_prefix;
  return params;
}

void check_bert_encoder(const settings::Settings& s) {
  require_model(s, "encoder.kind = bert");
  encode::check_bert(s.encoder_model, bert_params(s));
}

/// Collective: each rank reads the folder, that of the trained model where the generation has one.
std::unique_ptr<encode::Encoder> make_bert_encoder(Job& job, const Catalog&) {
  const auto& s = job.settings;
  const bool trained = std::filesystem::exists(job.workspace.encoder() / "model.safetensors");
  std::unique_ptr<encode::Encoder> encoder;
  comm::agree(job.comm, [&] {
    require_model(s, "encoder.kind = bert");
    encoder =
        encode::load_bert(trained ? job.workspace.encoder() : std::filesystem::path(s.encoder_model), bert_params(s));
  });
  return encoder;
}

}  // namespace equal::job
