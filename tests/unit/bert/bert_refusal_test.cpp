// What is no BERT that we compute is refused with the name of the key or tensor.
#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/encode/bert.hpp"

#include "support/scratch.hpp"

namespace equal::encode {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BertRefusal : public testing::Test {
 protected:
  BertRefusal() : folder_("bert_refusal") {
    fs::copy(test::fixture("bert/tiny"), folder_.path(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }
  void change(const std::string& file, const std::function<void(Json&)>& edit) {
    Json json = parse_json(read_file(test::fixture("bert/tiny/" + file)), file);
    edit(json);
    write_file_atomically(folder_ / file, dump_json(json));
  }
  void refused(const std::string& text) {
    try {
      load_bert(folder_.path());
      ADD_FAILURE() << "accepted; expected: " << text;
    } catch (const DataError& e) {
      EXPECT_THAT(e.what(), HasSubstr(text));
    }
  }
  void refused_config(const std::string& key, const Json& value, const std::string& text) {
    change("config.json", [&](Json& j) { j[key] = value; });
    refused(text);
    change("config.json", [](Json&) {});
  }
  test::ScratchFolder folder_;
};

TEST_F(BertRefusal, OtherArchitectures) {
  refused_config("model_type", "roberta", "model_type = \"roberta\"; only \"bert\" is supported");
  refused_config("model_type", nullptr, "model_type is missing");
  refused_config("position_embedding_type", "relative_key", "position_embedding_type = \"relative_key\"");
  refused_config("hidden_act", "relu", "hidden_act = \"relu\"");
  refused_config("is_decoder", true, "is_decoder is true");
  refused_config("num_attention_heads", 5, "num_attention_heads = 5 does not divide hidden_size = 12");
}

TEST_F(BertRefusal, ImpossibleNumbers) {
  refused_config("hidden_size", -1, "hidden_size = -1; a number from 1");
  refused_config("hidden_size", 1ULL << 60U, "hidden_size = ");
  refused_config("num_hidden_layers", 0, "num_hidden_layers = 0");
  refused_config("vocab_size", "many", "vocab_size = \"many\"");
  refused_config("layer_norm_eps", 2.0, "layer_norm_eps = 2");
  refused_config("vocab_size", 4'000'000, "[4000000, 12] is expected");  // before 192 MB are taken
  refused_config("vocab_size", 10, "vocab_size in config.json is 10");
}

TEST_F(BertRefusal, TensorsThatDoNotFit) {
  refused_config("hidden_size", 24, "tensor \"embeddings.word_embeddings.weight\": has shape [");
  refused_config("num_hidden_layers", 3,
                 "tensor \"encoder.layer.2.attention.self.query.weight\": is missing; shape [12, 12] is expected");
  refused_config("intermediate_size", 21,
                 "tensor \"encoder.layer.0.intermediate.dense.weight\": has shape [20, 12]; [21, 12] is expected");
}

TEST_F(BertRefusal, OtherModulesAndPooling) {
  change("modules.json", [](Json& j) { j.push_back({{"type", "sentence_transformers.models.Dense"}}); });
  refused("module 3 is \"sentence_transformers.models.Dense\"");
  change("modules.json", [](Json& j) { j[1]["path"] = "../elsewhere"; });
  refused("leads out of the folder");
  change("modules.json", [](Json&) {});
  change("1_Pooling/config.json", [](Json& j) { j["pooling_mode_max_tokens"] = true; });
  refused("pooling_mode_max_tokens is true");
  change("1_Pooling/config.json", [](Json& j) { j["pooling_mode"] = "lasttoken"; });
  refused("pooling_mode = \"lasttoken\"; mean or cls is expected");
  change("1_Pooling/config.json", [](Json& j) { j["pooling_mode_cls_token"] = true; });
  refused("exactly one of both is expected");
}

TEST_F(BertRefusal, MissingFiles) {
  for (const char* file : {"config.json", "model.safetensors"}) {
    fs::rename(folder_ / file, folder_ / "away");
    refused(file);
    fs::rename(folder_ / "away", folder_ / file);
  }
  BertParams params;
  params.max_tokens = 41;
  EXPECT_THROW(load_bert(folder_.path(), params), UsageError);
  params.max_tokens = 2;
  EXPECT_THROW(load_bert(folder_.path(), params), UsageError);
}

TEST_F(BertRefusal, AllButTheTensorsIsToldWithoutReadingThem) {
  EXPECT_NO_THROW(check_bert(folder_.path()));
  BertParams params;
  params.max_tokens = 41;
  EXPECT_THROW(check_bert(folder_.path(), params), UsageError);
  const auto size = fs::file_size(folder_ / "model.safetensors");
  fs::resize_file(folder_ / "model.safetensors", size - 1);
  EXPECT_THROW(check_bert(folder_.path()), DataError);
  fs::resize_file(folder_ / "model.safetensors", size);
  change("config.json", [](Json& j) { j["num_hidden_layers"] = 3; });
  EXPECT_NO_THROW(check_bert(folder_.path()));
  EXPECT_THROW(load_bert(folder_.path()), DataError);
  change("config.json", [](Json& j) { j["vocab_size"] = 10; });
  EXPECT_THROW(check_bert(folder_.path()), DataError);
  change("config.json", [](Json&) {});
  for (const char* file : {"tokenizer.json", "vocab.txt"}) fs::remove(folder_ / file);
  EXPECT_THROW(check_bert(folder_.path()), DataError);
}

TEST_F(BertRefusal, PromptsAndLimitsAreReadFromTheFolder) {
  write_file_atomically(folder_ / "config_sentence_transformers.json",
                        R"({"prompts": {"query": "go: ", "passage": "on: "}})");
  BertParams spelled;
  spelled.query_prefix = "go: ";
  spelled.document_prefix = "on: ";
  spelled.max_tokens = 32;  // sentence_bert_config.json
  EXPECT_EQ(load_bert(folder_.path())->digest(), load_bert(test::fixture("bert/tiny"), spelled)->digest());
}

}  // namespace
}  // namespace equal::encode
