"""Names of columns as people and instruments write them, in the languages of Excel: the one list for every reader.

Compared by `plain`: without case, accents, spaces, `_`, `-` and `.`, and without the unit in brackets.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: kind of candidates -> names of the column that holds them, the most telling first
_NOTATIONS: dict[str, tuple[str, ...]] = {
    "variants": (
        *("mutant", "mutants", "mutation", "mutations", "variant", "variants", "variant_name", "mut"),
        *("aa_mutation", "aa_mutations", "aa_substitution", "aa_substitutions", "substitution", "substitutions"),
        *("aa_change", "amino_acid_change", "protein_variant", "protein_change", "hgvs_pro", "hgvs_p", "hgvs"),
        *("combo", "combination", "genotype"),
        *("variante", "varianten", "variantes", "varianti", "varianta", "wariant", "warianty", "variantti", "varyant"),
        *("mutante", "mutanten", "mutantes", "mutanti", "mutantti", "mutationen", "mutatie", "mutaties", "mutación"),
        *("mutaciones", "mutazione", "mutazioni", "mutação", "mutações", "mutacja", "mutacje", "mutace", "mutasyon"),
        *("austausch", "aminosäureaustausch", "genotyp", "génotype", "genotipo", "variáns", "mutáns"),
        *("вариант", "мутант", "мутация", "変異体", "バリアント", "変異", "变体", "變體", "突变体", "突變體"),
        *("突变", "突變", "변이체", "돌연변이", "변이"),
    ),
    "compounds": (
        *("smiles", "canonical_smiles", "isomeric_smiles", "std_smiles", "rdkit_smiles", "ligand_smiles"),
        *(
            "compound_smiles",
            "smiles_string",
            "pubchem_ext_datasource_smiles",
            "structure",
            "compound",
            "compounds",
            "molecule",
            "mol",
        ),
        *("ligand", "drug", "verbindung", "substanz", "molekül", "struktur", "wirkstoff", "composé", "molécule"),
        *("compuesto", "molécula", "composto", "molecola", "struttura", "molecuul", "stof", "förening", "molekyl"),
        *("forbindelse", "molekyle", "związek", "cząsteczka", "sloučenina", "bileşik", "molekül", "yhdiste"),
        *("vegyület", "соединение", "化合物", "化合物名", "화합물"),
    ),
    "treatments": ("treatment", "treatments"),
    "guides": (
        *("sgrna", "grna", "guide", "guides", "guide_sequence", "sgrna_sequence", "grna_sequence"),
        *("sgrna target sequence", "30mer", "23mer", "21mer", "20mer", "protospacer", "spacer", "target_sequence"),
        *("target_seq", "guide_seq", "sgrna_seq", "grna_seq", "spacer_sequence", "protospacer_sequence", "crrna"),
    ),
}
#: part of a treatment -> names of its column; `second` is the other compound of a combination
PARTS: dict[str, tuple[str, ...]] = {
    "cells": (
        *("cells", "cell", "cell_line", "cell_lines", "cell_id", "cell_line_name", "cell_name", "cellline", "line"),
        *("stripped_cell_line_name", "ccle_name", "cell_type", "model", "model_name", "model_id", "sanger_model_id"),
        *("depmap_id", "depmapid", "cosmic_id", "patient", "organoid", "donor", "zelllinie", "zellen", "lignée"),
        *("lignée_cellulaire", "línea_celular", "linea_cellulare", "linhagem", "cellijn", "細胞株", "细胞系", "세포주"),
    ),
    "compound": (
        *("compound", "drug", "drug_id", "drug_name", "compound_id", "compound_name", "drug_1", "drug1", "drug_a"),
        *("drug a", "druga", "compound_1", "compound1", "compound_a", "drug_row", "smiles_1", "perturbation"),
        *("drug_a_name", "drug_1_name", "compound_a_name", "compound_1_name", "drug_row_name", "first_drug"),
        *("treatment_name", "inhibitor", "agent", "smiles", "canonical_smiles", "wirkstoff", "substanz", "composé"),
    ),
    "second": (
        *("drug_2", "drug2", "drug_b", "drug b", "drugb", "compound_2", "compound2", "compound_b", "second_compound"),
        *("drug_col", "combination_partner", "partner", "second_drug", "smiles_2", "drug_b_name", "drug_2_name"),
        *("compound_b_name", "compound_2_name", "drug_col_name"),
    ),
    "dose": (
        *("dose", "doses", "concentration", "concentrations", "conc", "drug_concentration", "drug_conc", "drug_dose"),
        *("compound_concentration", "compound_conc", "final_concentration", "final_conc", "well_concentration"),
        *("dose_value", "dosis", "dosen", "konzentration", "konz", "dosage", "concentración", "concentrazione"),
        *("concentração", "concentratie", "koncentration", "konsentrasjon", "stężenie", "koncentrace", "pitoisuus"),
        *("концентрация", "доза", "濃度", "用量", "浓度", "剂量", "농도", "용량"),
    ),
    "dose unit": (
        *("dose_unit", "dose_units", "conc_unit", "conc_units", "concentration_unit", "concentration_units"),
        *("drug_concentration_unit", "unit_of_dose", "dosiseinheit", "konzentrationseinheit"),
    ),
}
#: columns of whole sequences
SEQUENCES = (
    *("mutated_sequence", "mutant_sequence", "sequence", "sequences", "aa_sequence", "aa_seq", "protein_sequence"),
    *("seq", "sequenz", "séquence", "secuencia", "sequenza", "sequência", "sequentie", "sekvens", "sekwencja"),
    *("sekvence", "sekvenssi", "szekvencia", "dizi", "последовательность", "配列", "序列", "서열"),
)
_ALSO = {"variants": ("protein",), "guides": ("target",)}
#: columns that name candidates of any kind
IDENTIFIERS = (
    *("candidate", "candidates", "construct", "clone", "name", "sample_name", "sample", "sample_id"),
    *("kandidat", "konstrukt", "klon", "probe", "proben", "probenname", "bezeichnung", "candidat", "échantillon"),
    *("nom", "candidato", "muestra", "nombre", "campione", "nome", "amostra", "kandidaat", "monster", "naam"),
    *("namn", "navn", "prov", "prøve", "próbka", "nazwa", "vzorek", "název", "näyte", "nimi", "minta", "név"),
    *("örnek", "aday", "образец", "имя", "候補", "サンプル", "サンプル名", "試料", "試料名", "样品", "样本"),
    *("樣品", "樣本", "名称", "名稱", "시료", "샘플", "이름"),
)

#: columns of ids that candidates have, such as their number in a catalogue
IDS = (
    *("candidate_id", "compound_id", "cmpd_id", "molecule_id", "mol_id", "structure_id", "substance_id", "id"),
    *("catalog", "catalog_id", "catalog_number", "catalog_no", "catalog #", "catalogue", "catalogue_id"),
    *("catalogue_number", "catalogue_no", "catalogue #", "cat_no", "cat_number", "cat #", "cat_id"),
    *("katalognummer", "katalognr", "bestellnummer", "bestellnr", "artikelnummer", "artikelnr", "référence"),
    *("item_number", "item_no", "article_number", "article_no", "part_number", "order_number", "sku", "product_id"),
    *("product_number", "product_no", "enamine_id", "idnumber", "vendor_id", "supplier_id", "library_id"),
    *("registry_number", "chembl_id", "molecule_chembl_id", "chembl", "drugbank_id", "zinc_id", "broad_id", "brd_id"),
    *("pubchem_cid", "cid", "cas", "cas_number", "cas_no", "cas_rn"),
    *("variant_id", "mutant_id", "clone_id", "construct_id", "plasmid", "strain_id", "guide_id", "sgrna_id", "grna_id"),
    *("identifier_sgrna", "sgrna_identifier", "guide_identifier"),
    *("sgrna", "grna", "oligo_id", "sample_id", "barcode", "accession", "code"),
)
#: columns of names that candidates have
NAMES = (
    *("name", "title", "compound_name", "drug", "drug_name", "molecule_name", "common_name", "generic_name", "synonym"),
    *("synonyms", "product", "product_name", "mutant_name", "variant_name", "clone_name", "construct_name"),
    *("strain", "guide_name", "sgrna_name", "grna_name", "label", "iupac_name"),
)
#: columns that say where a candidate is bought
SUPPLIERS = ("supplier", "vendor", "manufacturer", "provider", "lieferant", "anbieter", "hersteller", "fournisseur")
#: columns that may only count the rows
COUNTING = ("id", "number", "no", "nr", "nummer", "#", "entry")
#: columns of other names that candidates have, by which lists may name them
LABELS = (
    "id",
    *dict.fromkeys((*NAMES, *(name for name in IDS if name != "id"), "inchikey", "inchi_key", *IDENTIFIERS)),
)
#: columns that say of what sort a variant is
CLASSES = ("variant_class", "variant_type", "mutation_class", "mutation_type", "mut_type", "class", "consequence")

#: role of another column of a table of results -> its names
ROLES: dict[str, tuple[str, ...]] = {
    "well": (
        *("well", "wells", "well_position", "well_id", "destination_well", "well_name", "kavität", "vertiefung"),
        *("näpfchen", "puits", "pocillo", "pozzetto", "poço", "putje", "brunn", "brønn", "brønd", "dołek", "jamka"),
        *("kuoppa", "kuyucuk", "лунка", "ウェル", "孔", "孔位", "웰"),
    ),
    "plate": (
        *("plate", "plate_id", "plate_name", "plate_barcode", "destination_plate_name", "platte", "plattenname"),
        *("platten-id", "plaque", "placa", "piastra", "plaat", "platta", "plade", "płytka", "destička", "levy"),
        *("lemez", "plaka", "планшет", "プレート", "板", "孔板", "플레이트"),
    ),
    "replicate": (
        *("replicate", "rep", "repeat", "replicate_number", "replikat", "wiederholung", "réplicat", "répétition"),
        *("réplica", "repetición", "replica", "replicato", "ripetizione", "repetição", "replicaat", "herhaling"),
        *("powtórzenie", "opakování", "toisto", "tekrar", "повтор", "反復", "繰り返し", "重复", "重複", "반복"),
    ),
    "assay": (
        *(
            "assay",
            "measurement",
            "property",
            "readout",
            "assay_name",
            "standard_type",
            "messgröße",
            "eigenschaft",
            "essai",
        ),
        *("propriété", "ensayo", "propiedad", "saggio", "proprietà", "ensaio", "propriedade", "eigenschap"),
        *("egenskap", "egenskab", "właściwość", "アッセイ", "測定項目", "检测", "测定项目", "분석"),
    ),
    "value": (
        *("value", "values", "result", "results", "measured", "measured_value", "reading", "signal", "wert", "werte"),
        "standard_value",
        *("messwert", "messwerte", "ergebnis", "valeur", "valeurs", "résultat", "mesure", "valor", "valores"),
        *("resultado", "medida", "medición", "medição", "valore", "valori", "risultato", "misura", "waarde"),
        *("meetwaarde", "meting", "resultaat", "värde", "mätvärde", "resultat", "værdi", "måleværdi", "verdi"),
        *("måleverdi", "wartość", "wynik", "pomiar", "hodnota", "výsledek", "arvo", "mittausarvo", "tulos", "érték"),
        *("eredmény", "değer", "sonuç", "ölçüm", "значение", "результат", "値", "測定値", "結果", "值", "数值"),
        *("數值", "测量值", "测定值", "结果", "값", "측정값", "결과"),
    ),
    "unit": (
        *(
            "unit",
            "units",
            "standard_units",
            "standard_unit",
            "einheit",
            "einheiten",
            "unité",
            "unités",
            "unidad",
            "unidades",
            "unità",
            "unidade",
        ),
        *("eenheid", "enhet", "enhed", "jednostka", "jednotka", "yksikkö", "egység", "birim", "единица", "単位"),
        *("单位", "單位", "단위"),
    ),
    "date": (
        *("date", "measured_at", "measured_on", "timestamp", "date_time", "datum", "messdatum", "fecha", "dato"),
        *("pvm", "päivämäärä", "dátum", "tarih", "дата", "日付", "日期", "测量日期", "날짜"),
    ),
    "kind": (
        *("kind", "control", "type", "well_type", "is_control", "content", "typ", "kontrolle", "inhalt", "contrôle"),
        *("tipo", "contenido", "controllo", "controle", "kontroll", "kontrol", "kontrola", "対照", "コントロール"),
        *("对照", "對照", "대조군"),
    ),
}
#: spread of the repeats behind a value -> names of its column; never values of an assay
SPREADS: dict[str, tuple[str, ...]] = {
    "standard deviation": (
        *("sd", "std", "stdev", "st dev", "std dev", "std deviation", "standard deviation", "sigma", "σ", "stabw"),
        *("stabwn", "stdabw", "std abw", "standardabweichung", "s d", "écart type", "écart-type", "ecartype", "dev st"),
        *("desviación estándar", "desv est", "desvest", "desviación típica", "deviazione standard", "desvio padrão"),
        *("desvpad", "standaarddeviatie", "standaardafwijking", "standardavvikelse", "standardavvik"),
        *("standardafvigelse", "odchylenie standardowe", "směrodatná odchylka", "keskihajonta", "szórás"),
        *("standart sapma", "стандартное отклонение", "標準偏差", "标准差", "标准偏差", "標準差", "표준편차"),
    ),
    "standard error": (
        *("sem", "se", "s e", "s e m", "stderr", "std err", "std error", "standard error", "standard error of mean"),
        *("standard error of the mean", "standardfehler", "std fehler", "erreur standard", "erreur type"),
        *("error estándar", "errore standard", "erro padrão", "standaardfout", "standardfel", "standardfeil"),
        *("błąd standardowy", "標準誤差", "标准误", "标准误差", "標準誤", "표준오차"),
    ),
    "spread": (
        *("error", "err", "uncertainty", "±", "+/-", "+-", "spread", "deviation", "fehler", "messfehler", "abweichung"),
        *("unsicherheit", "incertitude", "incertidumbre", "incertezza", "incerteza", "onzekerheid", "variance", "var"),
        *("cv", "cv %", "%cv", "rsd", "%rsd", "variationskoeffizient", "coefficient of variation", "ci", "95% ci"),
        *("confidence interval", "iqr", "mad", "range", "誤差", "误差", "오차"),
    ),
}
#: how many repeats a value is the mean of
COUNTS = (
    *("n", "count", "counts", "n_replicates", "replicates", "n_rep", "nrep", "number of replicates", "anzahl", "n="),
    *("repeats", "número", "numero", "aantal", "antal", "liczba", "件数", "个数", "개수"),
)
#: names of values in published data sets, where no assay is named
TARGETS = (
    *("dms_score", "fitness", "score", "value", "target", "affinity", "indel", "modfreq", "activity", "y"),
    *("measurement", "measured", "response", "label", "ddg", "score_drug_gene_rank"),
)

#: characters in the name of a column
LONGEST = 500
_IGNORED = re.compile(r"[\s_.:\-‐‑–—]+")
_SIGNS, _MINUS = re.compile(rf"({_IGNORED.pattern})"), re.compile(r"[\-‐‑–—]+\s")
#: letters that Unicode does not take apart into a letter and an accent
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i"})
_UNIT = re.compile(
    r"(?P<base>.*?)\s*(?:\((?P<round>[^()]*(?:\([^()]*\)[^()]*)*)\)|\[(?P<square>[^\[\]]*)\])(?P<rest>.*)", re.DOTALL
)


@lru_cache(4096)
def plain(name: str) -> str:
    """A name for comparison: without case, accents, width of letters, spaces, `_`, `-`, `.` and `:`.

    >>> plain("Plate_ID"), plain("Écart-type"), plain("mutación"), plain("sample.name")
    ('plateid', 'ecarttype', 'mutacion', 'samplename')
    """
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name).casefold().translate(_LETTERS)
        # Only accents of Latin, Greek and Cyrillic letters: in Japanese, such a mark makes another letter.
        name = "".join(
            c
            for c in unicodedata.normalize("NFD", name)
            if not "\u0300" <= c <= "\u036f" and unicodedata.category(c) != "Cf"
        )
        name = unicodedata.normalize("NFC", name)
    return _IGNORED.sub("", name).casefold()


@lru_cache(4096)
def spelling(name: str) -> str:
    """A name of cells or a compound for comparison: as `plain`, without what joins letters, or a letter and a digit.

    What stands between two digits or at an end stays, as does a minus before a blank.

    >>> spelling("HCT-116") == spelling("hct 116"), spelling("A-1-12") == spelling("A-11-2")
    (True, False)
    >>> spelling("CD34-") == spelling("CD34"), spelling("CD4- T cells") == spelling("CD4 T cells")
    (False, False)
    """
    parts = _SIGNS.split(name.strip())
    for i in range(1, len(parts) - 1, 2):
        before, sign, after = parts[i - 1][-1:], parts[i], parts[i + 1][:1]
        joins = before.isalnum() and after.isalnum() and not (before.isdigit() and after.isdigit())
        if joins and not _MINUS.match(sign):
            parts[i] = ""
    return "".join(plain(part) or part for part in parts)


def split_unit(header: str) -> tuple[str, str]:
    """Name and unit of a column.

    >>> split_unit("kcat/KM (1/(M s))"), split_unit("kcat")
    (('kcat/KM', '1/(M s)'), ('kcat', ''))
    """
    match = _UNIT.fullmatch(header.strip()) if len(header) <= LONGEST else None
    if not match:
        return header.strip(), ""
    return (match["base"] + match["rest"]).strip(), (match["round"] or match["square"] or "").strip()


def candidate_names(kind: str | None = None) -> tuple[str, ...]:
    """Names of the column of candidates, the most telling first.

    Args:
        kind: `variants`, `compounds`, `guides` or `treatments`; any when None.

    >>> candidate_names("compounds")[0], "sequence" in candidate_names("compounds")
    ('smiles', False)
    """
    if kind is None:
        return (*(name for names in _NOTATIONS.values() for name in names), *SEQUENCES, "protein", *IDENTIFIERS)
    sequences = () if kind in ("compounds", "treatments") else SEQUENCES
    return (*_NOTATIONS[kind], *sequences, *_ALSO.get(kind, ()), *IDENTIFIERS)
