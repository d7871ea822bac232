"""Backbones of KerasHub that are made of others, and its tasks: small ones, built without a download."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from records.keras_hub_models import PLAIN

OPEN_IMAGE = (None, None, 3)


def plain(kind: str, **options: Any) -> Any:
    """A backbone of ``PLAIN``, some options changed."""
    import keras_hub

    return getattr(keras_hub.models, kind)(**{**PLAIN[kind], **options})


def _made(kind: str, **options: Any) -> Any:
    import keras_hub

    return getattr(keras_hub.models, kind)(**options)


def _layer(kind: str, **options: Any) -> Any:
    import keras_hub

    return getattr(keras_hub.layers, kind)(**options)


def _pyramid(image_shape: Any = OPEN_IMAGE) -> Any:
    """A ResNet with four stages, to stride 32."""
    return plain(
        "ResNetBackbone",
        stackwise_num_filters=[64, 16, 16, 16],
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        image_shape=image_shape,
    )


def basnet() -> Any:
    return _made(
        "BASNetBackbone",
        image_encoder=_pyramid(),
        num_classes=1,
        image_shape=(64, 64, 3),
        projection_filters=64,
    )


def _blip2_vision() -> Any:
    return _made(
        "BLIP2VisionEncoder",
        image_size=32,
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        use_patch_bias=True,
        use_class_token=True,
        use_mha_bias=True,
        use_mlp_bias=True,
        dropout_rate=0.0,
        layer_norm_epsilon=1e-6,
        initializer_range=0.02,
    )


def _blip2_qformer() -> Any:
    return _made(
        "BLIP2QFormer",
        num_query_tokens=4,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        vision_dim=16,
        cross_attention_frequency=2,
        dropout=0.0,
        layer_norm_epsilon=1e-6,
    )


_LANGUAGE = {
    "vocabulary_size": 100,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "num_query_tokens": 4,
    "dropout": 0.0,
    "qformer_hidden_dim": 16,
}


def _blip2_opt() -> Any:
    return _made("BLIP2CustomOPT", **_LANGUAGE, max_sequence_length=32)


def _blip2_t5() -> Any:
    return _made("BLIP2FlanT5", **_LANGUAGE)


def blip2(language: Callable[[], Any] = _blip2_opt) -> Any:
    return _made(
        "BLIP2Backbone",
        vision_encoder=_blip2_vision(),
        qformer=_blip2_qformer(),
        language_model=language(),
    )


def two_towers(family: str, **options: Any) -> Any:
    """An image encoder and a text encoder, compared."""
    return _made(
        f"{family}Backbone",
        vision_encoder=plain(f"{family}VisionEncoder"),
        text_encoder=plain(f"{family}TextEncoder"),
        **options,
    )


def d_fine() -> Any:
    encoder = plain(
        "HGNetV2Backbone",
        depths=[1, 1, 1, 1],
        hidden_sizes=[16, 16, 32, 32],
        stackwise_stage_filters=[
            (8, 8, 16, 1, 3, 3),
            (16, 8, 16, 1, 3, 3),
            (16, 8, 32, 1, 3, 5),
            (32, 8, 32, 1, 3, 5),
        ],
        apply_downsample=[False, True, True, True],
        use_lightweight_conv_block=[False, False, True, True],
        out_features=["stage3", "stage4"],
        image_shape=(64, 64, 3),
    )
    return _made(
        "DFineBackbone",
        backbone=encoder,
        decoder_in_channels=[16, 16],
        encoder_hidden_dim=16,
        num_labels=4,
        num_denoising=0,
        learn_initial_query=False,
        num_queries=10,
        anchor_image_size=(64, 64),
        feat_strides=[16, 32],
        num_feature_levels=2,
        hidden_dim=16,
        encoder_in_channels=[32, 32],
        encode_proj_layers=[1],
        num_attention_heads=2,
        encoder_ffn_dim=32,
        num_encoder_layers=1,
        hidden_expansion=0.5,
        depth_multiplier=0.5,
        eval_idx=-1,
        num_decoder_layers=2,
        decoder_attention_heads=2,
        decoder_ffn_dim=32,
        decoder_n_points=[2, 2],
        lqe_hidden_dim=16,
        num_lqe_layers=2,
        out_features=["stage3", "stage4"],
        image_shape=(64, 64, 3),
        seed=0,
    )


def deeplab() -> Any:
    return _made(
        "DeepLabV3Backbone",
        image_encoder=_pyramid(),
        spatial_pyramid_pooling_key="P5",
        low_level_feature_key="P2",
        upsampling_size=8,
        dilation_rates=[6, 12],
        projection_filters=8,
        image_shape=(64, 64, 3),
    )


def depth_anything() -> Any:
    return _made(
        "DepthAnythingBackbone",
        image_encoder=plain("DINOV2Backbone", num_layers=4, image_shape=(64, 64, 3)),
        reassemble_factors=[4, 2, 1, 0.5],
        neck_hidden_dims=[8, 8, 16, 16],
        fusion_hidden_dim=8,
        head_hidden_dim=8,
        head_in_index=-1,
        feature_keys=["stage1", "stage2", "stage3", "stage4"],
    )


def parseq() -> Any:
    return _made(
        "PARSeqBackbone",
        image_encoder=plain("ViTBackbone", use_class_token=False, name="encoder"),
        vocabulary_size=40,
        max_label_length=8,
        decoder_hidden_dim=16,
        num_decoder_layers=1,
        num_decoder_heads=2,
        decoder_mlp_dim=32,
    )


def retinanet() -> Any:
    return _made(
        "RetinaNetBackbone",
        image_encoder=_pyramid(),
        min_level=3,
        max_level=5,
        use_p5=False,
        image_shape=(64, 64, 3),
    )


def sam() -> Any:
    return _made(
        "SAMBackbone",
        image_encoder=plain("ViTDetBackbone"),
        prompt_encoder=_layer(
            "SAMPromptEncoder",
            hidden_size=8,
            image_embedding_size=(4, 4),
            input_image_size=(32, 32),
            mask_in_channels=4,
        ),
        mask_decoder=_layer(
            "SAMMaskDecoder",
            num_layers=2,
            hidden_size=8,
            intermediate_dim=16,
            num_heads=2,
            embedding_dim=8,
            num_multimask_outputs=3,
            iou_head_depth=2,
            iou_head_hidden_dim=8,
        ),
    )


def sam3() -> Any:
    common = {"hidden_dim": 16, "intermediate_dim": 32, "num_heads": 2}
    return _made(
        "SAM3PromptableConceptBackbone",
        vision_encoder=_layer(
            "SAM3VisionEncoder",
            **common,
            image_shape=(56, 56, 3),
            patch_size=14,
            num_layers=2,
            fpn_hidden_dim=16,
            fpn_scale_factors=[4.0, 2.0, 1.0, 0.5],
            pretrain_image_shape=(56, 56, 3),
            window_size=2,
            global_attn_indexes=[1],
        ),
        text_encoder=_layer(
            "SAM3TextEncoder", **common, vocabulary_size=100, embedding_dim=16, num_layers=2
        ),
        geometry_encoder=_layer("SAM3GeometryEncoder", **common, num_layers=1, roi_size=7),
        detr_encoder=_layer("SAM3DetrEncoder", **common, num_layers=1),
        detr_decoder=_layer(
            "SAM3DetrDecoder",
            **common,
            image_shape=(56, 56, 3),
            patch_size=14,
            num_layers=1,
            num_queries=5,
        ),
        mask_decoder=_layer("SAM3MaskDecoder", num_upsampling_stages=3, hidden_dim=16, num_heads=2),
    )


def segformer() -> Any:
    encoder = plain(
        "MiTBackbone",
        layerwise_depths=[1, 1, 1, 1],
        num_layers=4,
        layerwise_num_heads=[1, 1, 2, 2],
        layerwise_sr_ratios=[4, 2, 1, 1],
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        hidden_dims=[8, 16, 24, 32],
        image_shape=(64, 64, 3),
    )
    return _made("SegFormerBackbone", image_encoder=encoder, projection_filters=8)


def stable_diffusion_3() -> Any:
    from keras_hub.src.models.vae.vae_backbone import VAEBackbone

    vae = VAEBackbone([32, 32, 32, 32], [1, 1, 1, 1], [32, 32, 32, 32], [1, 1, 1, 1], name="vae")
    clip = {"intermediate_output_index": 0, "max_sequence_length": 77}
    return _made(
        "StableDiffusion3Backbone",
        mmdit_patch_size=2,
        mmdit_hidden_dim=32,
        mmdit_num_layers=2,
        mmdit_num_heads=2,
        mmdit_position_size=16,
        mmdit_qk_norm=None,
        mmdit_dual_attention_indices=None,
        vae=vae,
        clip_l=plain("CLIPTextEncoder", **clip, name="clip_l"),
        clip_g=plain("CLIPTextEncoder", **clip, name="clip_g"),
        image_shape=(64, 64, 3),
    )


COMPOSED: dict[str, Callable[[], Any]] = {
    "BASNetBackbone": basnet,
    "BLIP2Backbone": blip2,
    "BLIP2CustomOPT": _blip2_opt,
    "BLIP2FlanT5": _blip2_t5,
    "BLIP2QFormer": _blip2_qformer,
    "BLIP2VisionEncoder": _blip2_vision,
    "CLIPBackbone": lambda: two_towers("CLIP", projection_dim=16),
    "DFineBackbone": d_fine,
    "DeepLabV3Backbone": deeplab,
    "DepthAnythingBackbone": depth_anything,
    "MetaCLIP2Backbone": lambda: two_towers("MetaCLIP2", projection_dim=16),
    "PARSeqBackbone": parseq,
    "RetinaNetBackbone": retinanet,
    "SAMBackbone": sam,
    "SAM3PromptableConceptBackbone": sam3,
    "SegFormerBackbone": segformer,
    "SigLIPBackbone": lambda: two_towers("SigLIP"),
    "StableDiffusion3Backbone": stable_diffusion_3,
}
_CLASSES = {"num_classes": 3}
_ENCODERS = "Albert Bert DebertaV3 DistilBert FNet Roberta RoformerV2 XLMRoberta".split()
_CAUSAL = (
    "Bloom Falcon GPT2 GPTNeoX Gemma GptOss Llama Llama3 Mistral Mixtral OPT Phi3 Qwen2 Qwen3"
    " Qwen3Moe Qwen3_5 Qwen3_5Moe QwenMoe RWKV7 SmolLM3 Gemma3 Gemma3n Gemma4 PaliGemma"
).split()
_IMAGES = (
    "CSPNet DeiT DenseNet EfficientNet HGNetV2 MiT MobileNet MobileNetV5 ResNet SwinTransformer VGG ViT"
    " Xception"
).split()

# A task: the backbone that it is made from, and its options.
_TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"{name}TextClassifier": (f"{name}Backbone", _CLASSES) for name in _ENCODERS},
    "ESMProteinClassifier": ("ESM2Backbone", _CLASSES),
    **{f"{name}MaskedLM": (f"{name}Backbone", {}) for name in _ENCODERS},
    "ESM2MaskedPLM": ("ESM2Backbone", {}),
    **{f"{name}CausalLM": (f"{name}Backbone", {"preprocessor": None}) for name in _CAUSAL},
    **{f"{name}ImageClassifier": (f"{name}Backbone", _CLASSES) for name in _IMAGES},
    **{f"{name}Seq2SeqLM": (f"{name}Backbone", {}) for name in ("Bart", "EdRec", "T5", "T5Gemma")},
    "T5Gemma2Seq2SeqLM": ("T5Gemma2Backbone", {}),
    **{f"{name}TextEmbedder": (f"{name}Backbone", {}) for name in ("Bert", "Gemma3", "Qwen3")},
    "XLMRobertaTextEmbedder": ("XLMRobertaBackbone", {}),
    "BASNetImageSegmenter": ("BASNetBackbone", {}),
    "BLIP2CausalLM": ("BLIP2Backbone", {"preprocessor": None}),
    "DFineObjectDetector": ("DFineBackbone", {"num_classes": 4}),
    "DeepLabV3ImageSegmenter": ("DeepLabV3Backbone", _CLASSES),
    "DepthAnythingDepthEstimator": ("DepthAnythingBackbone", {"depth_estimation_type": "relative"}),
    "FluxTextToImage": ("FluxBackbone", {"preprocessor": None}),
    "MoonshineAudioToText": ("MoonshineBackbone", {}),
    "PARSeqCausalLM": ("PARSeqBackbone", {"preprocessor": None}),
    "RetinaNetObjectDetector": ("RetinaNetBackbone", _CLASSES),
    "SAMImageSegmenter": ("SAMBackbone", {}),
    "SAM3PromptableConceptImageSegmenter": ("SAM3PromptableConceptBackbone", {}),
    "SegFormerImageSegmenter": ("SegFormerBackbone", _CLASSES),
    **{
        f"StableDiffusion3{what}": ("StableDiffusion3Backbone", {"preprocessor": None})
        for what in ("TextToImage", "ImageToImage", "Inpaint")
    },
}
# Options of tasks that a class demands besides.
_DEMANDED: dict[str, dict[str, Any]] = {
    "HGNetV2ImageClassifier": {"preprocessor": None, "head_filters": 32},
    "MobileNetImageClassifier": {"num_features": 32},
    "VGGImageClassifier": {"pooling_hidden_dim": 32},
    "MobileNetV5ImageClassifier": {"head_hidden_size": 32},
}


def _task(kind: str) -> Any:
    backbone, options = _TASKS[kind]
    made = COMPOSED[backbone]() if backbone in COMPOSED else plain(backbone)
    return _made(kind, backbone=made, compile=False, **options, **_DEMANDED.get(kind, {}))


TASKS: dict[str, Callable[[], Any]] = {
    **{kind: partial(_task, kind) for kind in _TASKS},
    "BLIP2Seq2SeqLM": lambda: _made("BLIP2Seq2SeqLM", backbone=blip2(_blip2_t5), compile=False),
}
