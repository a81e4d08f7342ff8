//! Every published form of a configuration, and what is refused.
#![allow(missing_docs, clippy::unwrap_used)]

use lens_import::{PublishedSae, gemma_config};
use lens_pack::config::{Attention, GemmaConfig, GemmaFamily, NovelCodes, Rope};
use serde_json::{Value, json};

fn read(config: Value) -> Result<GemmaConfig, String> {
    gemma_config(&config.to_string(), "config.json").map_err(|e| e.to_string())
}

const FULL: Attention = Attention::Full;
const SLIDING: Attention = Attention::Sliding;

#[test]
fn gemma_2_by_its_defaults_is_the_2b() {
    let config = read(json!({"model_type": "gemma2"})).unwrap();
    assert_eq!(config.family, GemmaFamily::Gemma2);
    assert_eq!((config.vocab_size, config.hidden_size, config.intermediate_size), (256_000, 2304, 9216));
    assert_eq!((config.num_attention_heads, config.num_key_value_heads, config.head_dim), (8, 4, 256));
    assert_eq!((config.attn_logit_softcapping, config.sliding_window), (Some(50.0), 4096));
    assert_eq!(config.layer_attention[..4], [SLIDING, FULL, SLIDING, FULL]);
    assert_eq!(config.rope_full, Rope { theta: 10_000.0, factor: 1.0 });
    assert_eq!((config.qk_norm, config.bos_token_id), (false, 2));
    let uncapped = read(json!({"model_type": "gemma2", "attn_logit_softcapping": null})).unwrap();
    assert_eq!(uncapped.attn_logit_softcapping, None);
}

#[test]
fn transformers_4_and_5_say_the_same_of_gemma_3() {
    let common = json!({
        "model_type": "gemma3_text", "hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 18,
        "num_attention_heads": 4, "num_key_value_heads": 1, "vocab_size": 262_144, "sliding_window": 512,
        "attn_logit_softcapping": 50.0
    });
    let with = |extra: Value| {
        let mut config = common.clone();
        config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        read(config).unwrap()
    };
    let scaling = json!({"factor": 8.0, "rope_type": "linear"});
    let old_scaling = json!({"factor": 8.0, "type": "linear"});
    let layer_types: Vec<&str> =
        (1..=18).map(|i| if i % 6 == 0 { "full_attention" } else { "sliding_attention" }).collect();
    let forms = [
        with(json!({"rope_theta": 1e6, "rope_local_base_freq": 1e4, "rope_scaling": scaling,
                    "sliding_window_pattern": 6})),
        with(json!({"rope_theta": 1_000_000, "rope_scaling": old_scaling, "_sliding_window_pattern": 6})),
        with(json!({"rope_scaling": scaling})),
        with(json!({"layer_types": layer_types, "rope_parameters": {
            "full_attention": {"factor": 8.0, "rope_type": "linear", "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}})),
    ];
    for form in &forms {
        assert_eq!(form, &forms[0]);
    }
    assert_eq!(forms[0].rope_full, Rope { theta: 1e6, factor: 8.0 });
    assert_eq!(forms[0].rope_sliding, Rope { theta: 1e4, factor: 1.0 });
    assert_eq!(forms[0].layer_attention.iter().filter(|a| **a == FULL).count(), 3);
    assert_eq!(forms[0].layer_attention[5], FULL);
    // transformers reads the cap for Gemma 3 and never applies it.
    assert_eq!((forms[0].attn_logit_softcapping, forms[0].qk_norm), (None, true));
}

#[test]
fn gemma_2_rope_parameters_are_flat() {
    let config = json!({"model_type": "gemma2", "rope_parameters": {"rope_theta": 12_345.0, "rope_type": "default"}});
    assert_eq!(read(config).unwrap().rope_sliding, Rope { theta: 12_345.0, factor: 1.0 });
}

#[test]
fn multimodal_gemma_3_keeps_its_text_model_in_a_field() {
    let config = read(json!({
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "hidden_size": 1,
        "text_config": {"hidden_size": 2560, "intermediate_size": 10_240, "model_type": "gemma3_text",
                        "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
                        "sliding_window": 1024}
    }))
    .unwrap();
    assert_eq!((config.hidden_size, config.num_hidden_layers, config.vocab_size), (2560, 34, 262_208));
    assert_eq!((config.num_attention_heads, config.rope_full.factor, config.sliding_window), (8, 8.0, 1024));
}

#[test]
fn impossible_and_unsupported_models_are_refused_in_a_sentence() {
    for (field, value, says) in [
        ("model_type", json!("llama"), "\"llama\" is not supported"),
        ("hidden_size", json!(0), "hidden_size is 0"),
        ("hidden_size", json!("many"), "config.json"),
        ("num_hidden_layers", json!(4_000_000_000u64), "num_hidden_layers"),
        ("num_key_value_heads", json!(3), "not a multiple of num_key_value_heads"),
        ("head_dim", json!(15), "head_dim is 15"),
        ("attention_bias", json!(true), "attention_bias"),
        ("hidden_activation", json!("silu"), "silu"),
        ("use_bidirectional_attention", json!(true), "bidirectional"),
        ("layer_types", json!(["full_attention"]), "1 layer types for 26 layers"),
        ("layer_types", json!(["linear_attention"]), "linear_attention"),
        ("rope_scaling", json!({"rope_type": "yarn", "factor": 2.0}), "yarn"),
        ("rope_scaling", json!({"rope_type": "linear"}), "without a factor"),
        ("rms_norm_eps", json!(-1.0), "rms_norm_eps is -1"),
        ("rms_norm_eps", json!(1.0), "rms_norm_eps is 1.0; it must lie between 1e-12 and 0.01"),
        ("query_pre_attn_scalar", json!(0), "query_pre_attn_scalar is 0"),
        ("query_pre_attn_scalar", json!(1e9), "query_pre_attn_scalar is 1000000000.0"),
        ("rope_theta", json!(1.0), "rope_theta of full layers is 1.0"),
        ("rope_scaling", json!({"rope_type": "linear", "factor": 1e-9}), "rope factor of full layers is 1e-9"),
    ] {
        let mut config = json!({"model_type": "gemma3_text"});
        config[field] = value;
        let error = read(config).unwrap_err();
        assert!(error.contains(says) && error.contains("config.json"), "{field}: {error}");
    }
    assert!(read(json!({})).unwrap_err().contains("no model_type"));
    assert!(read(json!([])).is_err());
    assert!(read(json!({"model_type": "gemma2", "attn_logit_softcapping": 1e30})).is_err());
    let problem = |text: &str| gemma_config(text, "config.json").unwrap_err().to_string();
    for number in ["NaN", "Infinity", "-Infinity"] {
        let problem = problem(&format!("{{\n \"model_type\": \"gemma2\",\n \"rms_norm_eps\": {number}\n}}"));
        assert!(problem.contains("line 3 has") && problem.contains("not a number of JSON"), "{problem}");
    }
    assert!(!problem("{\"a\": NULL}").contains("number of JSON"));
    assert!(problem("[{\"model_type\": \"gemma2\"}]").contains("JSON, but not an object"));
    assert!(
        gemma_config("{", "config.json")
            .unwrap_err()
            .to_string()
            .contains("not a model's configuration: it is cut short")
    );
}

/// The released SAE's file as `temporal-sae.md` of the authors describes it, training sections included.
const RELEASED: &str = "
data: {dtype: bfloat16, num_tokens: 1e9}
llm: {model_hf_name: google/gemma-2-2b, tokenizer_hf_name: google/gemma-2-2b, dimin: 2304}
sae: {sae_type: temporal, sae_diff_type: topk, tied_weights: true, exp_factor: 4, kval_topk: 192, n_heads: 4,
      n_attn_layers: 1, bottleneck_factor: 1, scaling_factor: 0.00666666667, gamma_reg: 10, block_id: 1}
";

#[test]
fn the_released_sae_reads_and_wrong_numbers_do_not() {
    let sae = PublishedSae::from_conf_yaml(RELEASED, "conf.yaml").unwrap();
    assert_eq!((sae.config.dimin, sae.config.width, sae.config.kval_topk), (2304, 9216, Some(192)));
    assert_eq!((sae.config.scaling_factor, sae.config.target_layer), (0.00666666667, None));
    assert_eq!(sae.model_name.as_deref(), Some("google/gemma-2-2b"));
    for (from, to, says) in [
        ("sae_type: temporal", "sae_type: standard", "standard"),
        ("sae_diff_type: topk", "sae_diff_type: jumprelu", "jumprelu"),
        ("kval_topk: 192", "kval_topk: null", "kval_topk is missing"),
        ("kval_topk: 192", "kval_topk: 9217", "kval_topk is 9217"),
        ("kval_topk: 192", "kval_topk: -1", "conf.yaml"),
        ("n_heads: 4", "n_heads: 5", "not a multiple of bottleneck_factor * n_heads"),
        ("n_heads: 4", "n_heads: 0", "n_heads is 0"),
        ("exp_factor: 4", "exp_factor: 0", "not a width"),
        ("exp_factor: 4", "exp_factor: .nan", "not a width"),
        ("bottleneck_factor: 1", "bottleneck_factor: 18446744073709551615", "bottleneck_factor"),
        ("scaling_factor: 0.00666666667", "scaling_factor: 0", "scaling_factor is 0"),
        ("dimin: 2304", "dimen: 2304", "dimin"),
    ] {
        assert!(RELEASED.contains(from));
        let error = PublishedSae::from_conf_yaml(&RELEASED.replace(from, to), "conf.yaml").unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("conf.yaml"), "{to}: {error}");
    }
    let relu = RELEASED.replace("kval_topk: 192", "kval_topk: null").replace("type: topk", "type: relu");
    assert_eq!(PublishedSae::from_conf_yaml(&relu, "conf.yaml").unwrap().config.sae_diff_type, NovelCodes::Relu);
}

#[test]
fn the_same_sae_in_saelens_form_is_the_same() {
    let cfg = json!({
        "architecture": "temporal", "d_in": 2304, "d_sae": 9216, "n_heads": 4, "n_attn_layers": 1,
        "bottleneck_factor": 1, "sae_diff_type": "topk", "kval_topk": 192, "tied_weights": true,
        "normalize_activations": "constant_scalar_rescale", "activation_normalization_factor": 0.00666666667,
        "apply_b_dec_to_input": true, "reshape_activations": "none", "dtype": "float32", "device": "cpu",
        "metadata": {"model_name": "gemma-2-2b", "hook_name": "blocks.12.hook_resid_post",
                     "neuronpedia_id": "gemma-2-2b/12-temporal-res"}
    });
    let read = |cfg: &Value| PublishedSae::from_saelens_json(&cfg.to_string(), "cfg.json").map_err(|e| e.to_string());
    let mut expected = PublishedSae::from_conf_yaml(RELEASED, "conf.yaml").unwrap().config;
    expected.target_layer = Some(12);
    let sae = read(&cfg).unwrap();
    assert_eq!(sae.config, expected);
    assert_eq!(sae.neuronpedia.as_deref(), Some("gemma-2-2b/12-temporal-res"));
    for (field, value, says) in [
        ("architecture", json!("standard"), "standard"),
        ("normalize_activations", json!("layer_norm"), "layer_norm"),
        ("apply_b_dec_to_input", json!(false), "apply_b_dec_to_input"),
        ("reshape_activations", json!("hook_z"), "hook_z"),
        ("metadata", json!({"hook_name": "blocks.3.hook_mlp_out"}), "hook_mlp_out"),
        ("d_in", json!(null), "cfg.json"),
    ] {
        let mut cfg = cfg.clone();
        cfg[field] = value;
        let error = read(&cfg).unwrap_err();
        assert!(error.contains(says), "{field}: {error}");
    }
}
