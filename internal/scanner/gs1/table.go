package gs1

import "sort"

// A spec is one line of the dictionary: a run of AIs that are told alike.
type spec struct {
	first, last string // the same length, alike but for the last digit
	flags       flags
	parts       []part
	not         []string // AIs, or the beginnings of AIs, that may not stand beside it ("ex=")
}

// A part is one component of a value. Parts follow each other; only the last may vary in
// length, and optional ones come last.
type part struct {
	set      charset
	min, max uint8
	optional bool
	checks   []check
}

// flags are the dictionary's marks on an AI.
type flags uint8

const (
	fixed     flags = 1 << iota // "*": predefined length, needs no FNC1 after it
	attribute                   // "?": may stand in the query of a Digital Link URI
)

// A linkKey is a primary key of Digital Link URIs ("dlpkey=") with the qualifiers that may
// follow it, in their order. A key with a choice of sequences has a line for each.
type linkKey struct {
	ai         string
	qualifiers []string
}

// find returns the line of the AI that data begins with, and that AI; or nil.
func find(data string) (*spec, string) {
	// No AI is the beginning of another, so the last line whose first AI does not come
	// after data is the only one that can hold it.
	i := sort.Search(len(table), func(i int) bool { return table[i].first > data }) - 1
	if i < 0 {
		return nil, ""
	}
	s := &table[i]
	if len(data) < len(s.last) {
		return nil, ""
	}
	ai := data[:len(s.last)]
	if ai < s.first || ai > s.last {
		return nil, ""
	}
	return s, ai
}

// exact returns the line of an AI, or nil.
func exact(ai string) *spec {
	s, found := find(ai)
	if found != ai {
		return nil
	}
	return s
}

// Values that several AIs share.
//
//nolint:gochecknoglobals // a table that never changes
var (
	certificate    = []part{{set82, 2, 2, false, nil}, {set82, 1, 28, false, nil}}
	countries      = []part{{numeric, 3, 3, false, []check{iso3166}}, {numeric, 3, 3, true, []check{iso3166}}, {numeric, 3, 3, true, []check{iso3166}}, {numeric, 3, 3, true, []check{iso3166}}, {numeric, 3, 3, true, []check{iso3166}}}
	country        = []part{{numeric, 3, 3, false, []check{iso3166}}}
	countryLetters = []part{{set82, 2, 2, false, []check{iso3166alpha2}}}
	day            = []part{{numeric, 6, 6, false, []check{yymmd0}}}
	exactDay       = []part{{numeric, 6, 6, false, []check{yymmdd}}}
	gln            = []part{{numeric, 13, 13, false, []check{csum, gcppos1}}}
	gsrn           = []part{{numeric, 18, 18, false, []check{csum, gcppos1}}}
	gtin           = []part{{numeric, 14, 14, false, []check{csum, gcppos2}}}
	minute         = []part{{numeric, 6, 6, false, []check{yymmd0}}, {numeric, 4, 4, false, []check{hhmi}}}
	money          = []part{{numeric, 3, 3, false, []check{iso4217}}, {numeric, 1, 15, false, nil}}
	n15            = []part{{numeric, 15, 15, false, nil}}
	n4             = []part{{numeric, 4, 4, false, nil}}
	n6             = []part{{numeric, 6, 6, false, nil}}
	nTo15          = []part{{numeric, 1, 15, false, nil}}
	nTo8           = []part{{numeric, 1, 8, false, nil}}
	pcenc35        = []part{{set82, 1, 35, false, []check{pcenc}}}
	pcenc40        = []part{{set82, 1, 40, false, []check{pcenc}}}
	pcenc70        = []part{{set82, 1, 70, false, []check{pcenc}}}
	piece          = []part{{numeric, 14, 14, false, []check{csum, gcppos2}}, {numeric, 4, 4, false, []check{pieceoftotal}}}
	processor      = []part{{numeric, 3, 3, false, []check{iso3166999}}, {set82, 1, 27, false, nil}}
	temperature    = []part{{numeric, 6, 6, false, nil}, {set82, 1, 1, true, []check{hyphen}}}
	xTo10          = []part{{set82, 1, 10, false, nil}}
	xTo20          = []part{{set82, 1, 20, false, nil}}
	xTo25          = []part{{set82, 1, 25, false, nil}}
	xTo3           = []part{{set82, 1, 3, false, nil}}
	xTo30          = []part{{set82, 1, 30, false, nil}}
	xTo30gcp       = []part{{set82, 1, 30, false, []check{gcppos1}}}
	yesNo          = []part{{numeric, 1, 1, false, []check{yesno}}}
)

// table is the GS1 Barcode Syntax Dictionary, release 2026-01-27, in its order. Source:
// github.com/gs1/gs1-syntax-dictionary, Apache-2.0, (c) GS1 AISBL, the BWIPP project and
// the Zint project. The titles on the right are the dictionary's.
//
//nolint:gochecknoglobals // a table that never changes
var table = []spec{
	{"00", "00", fixed | attribute, []part{{numeric, 18, 18, false, []check{csum, gcppos2}}}, nil}, // SSCC
	{"01", "01", fixed | attribute, gtin, []string{"255", "37"}},                                   // GTIN
	{"02", "02", fixed | attribute, gtin, []string{"01", "03"}},                                    // CONTENT
	{"03", "03", fixed, gtin, []string{"01", "02", "37"}},                                          // MTO GTIN
	{"10", "10", attribute, xTo20, nil},                                                            // BATCH/LOT
	{"11", "11", fixed | attribute, day, nil},                                                      // PROD DATE
	{"12", "12", fixed | attribute, day, nil},                                                      // DUE DATE
	{"13", "13", fixed | attribute, day, nil},                                                      // PACK DATE
	{"15", "15", fixed | attribute, day, nil},                                                      // BEST BEFORE or BEST BY
	{"16", "16", fixed | attribute, day, nil},                                                      // SELL BY
	{"17", "17", fixed | attribute, day, nil},                                                      // USE BY or EXPIRY
	{"20", "20", fixed | attribute, []part{{numeric, 2, 2, false, nil}}, nil},                      // VARIANT
	{"21", "21", 0, xTo20, []string{"235"}},                                                        // SERIAL
	{"22", "22", 0, xTo20, nil},                                                                    // CPV
	{"235", "235", 0, []part{{set82, 1, 28, false, nil}}, nil},                                     // TPX
	{"240", "240", attribute, xTo30, nil},                                                          // ADDITIONAL ID
	{"241", "241", attribute, xTo30, nil},                                                          // CUST. PART No.
	{"242", "242", attribute, []part{{numeric, 1, 6, false, nil}}, nil},                            // MTO VARIANT
	{"243", "243", attribute, xTo20, nil},                                                          // PCN
	{"250", "250", attribute, xTo30, nil},                                                          // SECONDARY SERIAL
	{"251", "251", attribute, xTo30, nil},                                                          // REF. TO SOURCE
	{"253", "253", attribute, []part{{numeric, 13, 13, false, []check{csum, gcppos1}}, {set82, 1, 17, true, nil}}, nil}, // GDTI
	{"254", "254", 0, xTo20, nil}, // GLN EXTENSION COMPONENT
	{"255", "255", attribute, []part{{numeric, 13, 13, false, []check{csum, gcppos1}}, {numeric, 1, 12, true, nil}}, []string{"01", "02", "415", "8006", "8020", "8026"}}, // GCN
	{"30", "30", attribute, nTo8, nil},                                                                                       // VAR. COUNT
	{"3100", "3105", fixed | attribute, n6, []string{"310"}},                                                                 // NET WEIGHT (kg)
	{"3110", "3115", fixed | attribute, n6, []string{"311"}},                                                                 // LENGTH (m)
	{"3120", "3125", fixed | attribute, n6, []string{"312"}},                                                                 // WIDTH (m)
	{"3130", "3135", fixed | attribute, n6, []string{"313"}},                                                                 // HEIGHT (m)
	{"3140", "3145", fixed | attribute, n6, []string{"314"}},                                                                 // AREA (m²)
	{"3150", "3155", fixed | attribute, n6, []string{"315"}},                                                                 // NET VOLUME (l)
	{"3160", "3165", fixed | attribute, n6, []string{"316"}},                                                                 // NET VOLUME (m³)
	{"3200", "3205", fixed | attribute, n6, []string{"320"}},                                                                 // NET WEIGHT (lb)
	{"3210", "3215", fixed | attribute, n6, []string{"321"}},                                                                 // LENGTH (in)
	{"3220", "3225", fixed | attribute, n6, []string{"322"}},                                                                 // LENGTH (ft)
	{"3230", "3235", fixed | attribute, n6, []string{"323"}},                                                                 // LENGTH (yd)
	{"3240", "3245", fixed | attribute, n6, []string{"324"}},                                                                 // WIDTH (in)
	{"3250", "3255", fixed | attribute, n6, []string{"325"}},                                                                 // WIDTH (ft)
	{"3260", "3265", fixed | attribute, n6, []string{"326"}},                                                                 // WIDTH (yd)
	{"3270", "3275", fixed | attribute, n6, []string{"327"}},                                                                 // HEIGHT (in)
	{"3280", "3285", fixed | attribute, n6, []string{"328"}},                                                                 // HEIGHT (ft)
	{"3290", "3295", fixed | attribute, n6, []string{"329"}},                                                                 // HEIGHT (yd)
	{"3300", "3305", fixed | attribute, n6, []string{"330"}},                                                                 // GROSS WEIGHT (kg)
	{"3310", "3315", fixed | attribute, n6, []string{"331"}},                                                                 // LENGTH (m), log
	{"3320", "3325", fixed | attribute, n6, []string{"332"}},                                                                 // WIDTH (m), log
	{"3330", "3335", fixed | attribute, n6, []string{"333"}},                                                                 // HEIGHT (m), log
	{"3340", "3345", fixed | attribute, n6, []string{"334"}},                                                                 // AREA (m²), log
	{"3350", "3355", fixed | attribute, n6, []string{"335"}},                                                                 // VOLUME (l), log
	{"3360", "3365", fixed | attribute, n6, []string{"336"}},                                                                 // VOLUME (m³), log
	{"3370", "3375", fixed | attribute, n6, []string{"337"}},                                                                 // KG PER m²
	{"3400", "3405", fixed | attribute, n6, []string{"340"}},                                                                 // GROSS WEIGHT (lb)
	{"3410", "3415", fixed | attribute, n6, []string{"341"}},                                                                 // LENGTH (in), log
	{"3420", "3425", fixed | attribute, n6, []string{"342"}},                                                                 // LENGTH (ft), log
	{"3430", "3435", fixed | attribute, n6, []string{"343"}},                                                                 // LENGTH (yd), log
	{"3440", "3445", fixed | attribute, n6, []string{"344"}},                                                                 // WIDTH (in), log
	{"3450", "3455", fixed | attribute, n6, []string{"345"}},                                                                 // WIDTH (ft), log
	{"3460", "3465", fixed | attribute, n6, []string{"346"}},                                                                 // WIDTH (yd), log
	{"3470", "3475", fixed | attribute, n6, []string{"347"}},                                                                 // HEIGHT (in), log
	{"3480", "3485", fixed | attribute, n6, []string{"348"}},                                                                 // HEIGHT (ft), log
	{"3490", "3495", fixed | attribute, n6, []string{"349"}},                                                                 // HEIGHT (yd), log
	{"3500", "3505", fixed | attribute, n6, []string{"350"}},                                                                 // AREA (in²)
	{"3510", "3515", fixed | attribute, n6, []string{"351"}},                                                                 // AREA (ft²)
	{"3520", "3525", fixed | attribute, n6, []string{"352"}},                                                                 // AREA (yd²)
	{"3530", "3535", fixed | attribute, n6, []string{"353"}},                                                                 // AREA (in²), log
	{"3540", "3545", fixed | attribute, n6, []string{"354"}},                                                                 // AREA (ft²), log
	{"3550", "3555", fixed | attribute, n6, []string{"355"}},                                                                 // AREA (yd²), log
	{"3560", "3565", fixed | attribute, n6, []string{"356"}},                                                                 // NET WEIGHT (tr oz)
	{"3570", "3575", fixed | attribute, n6, []string{"357"}},                                                                 // NET VOLUME (oz)
	{"3600", "3605", fixed | attribute, n6, []string{"360"}},                                                                 // NET VOLUME (qt (US))
	{"3610", "3615", fixed | attribute, n6, []string{"361"}},                                                                 // NET VOLUME (gal.)
	{"3620", "3625", fixed | attribute, n6, []string{"362"}},                                                                 // VOLUME (qt (US)), log
	{"3630", "3635", fixed | attribute, n6, []string{"363"}},                                                                 // VOLUME (gal (US)), log
	{"3640", "3645", fixed | attribute, n6, []string{"364"}},                                                                 // NET VOLUME (in³)
	{"3650", "3655", fixed | attribute, n6, []string{"365"}},                                                                 // NET VOLUME (ft³)
	{"3660", "3665", fixed | attribute, n6, []string{"366"}},                                                                 // NET VOLUME (yd³)
	{"3670", "3675", fixed | attribute, n6, []string{"367"}},                                                                 // VOLUME (in³), log
	{"3680", "3685", fixed | attribute, n6, []string{"368"}},                                                                 // VOLUME (ft³), log
	{"3690", "3695", fixed | attribute, n6, []string{"369"}},                                                                 // VOLUME (yd³), log
	{"37", "37", attribute, nTo8, nil},                                                                                       // COUNT
	{"3900", "3909", attribute, nTo15, []string{"390", "391", "394", "8111"}},                                                // AMOUNT
	{"3910", "3919", attribute, money, []string{"391"}},                                                                      // AMOUNT
	{"3920", "3929", attribute, nTo15, []string{"392", "393"}},                                                               // PRICE
	{"3930", "3939", attribute, money, []string{"393"}},                                                                      // PRICE
	{"3940", "3943", attribute, n4, []string{"394", "8111"}},                                                                 // PRCNT OFF
	{"3950", "3955", attribute, n6, []string{"392", "393", "395", "8005"}},                                                   // PRICE/UoM
	{"400", "400", attribute, xTo30, nil},                                                                                    // ORDER NUMBER
	{"401", "401", attribute, xTo30gcp, nil},                                                                                 // GINC
	{"402", "402", attribute, []part{{numeric, 17, 17, false, []check{csum, gcppos1}}}, nil},                                 // GSIN
	{"403", "403", attribute, xTo30, nil},                                                                                    // ROUTE
	{"410", "410", fixed | attribute, gln, nil},                                                                              // SHIP TO LOC
	{"411", "411", fixed | attribute, gln, nil},                                                                              // BILL TO
	{"412", "412", fixed | attribute, gln, nil},                                                                              // PURCHASE FROM
	{"413", "413", fixed | attribute, gln, nil},                                                                              // SHIP FOR LOC
	{"414", "414", fixed | attribute, gln, nil},                                                                              // LOC No.
	{"415", "415", fixed | attribute, gln, nil},                                                                              // PAY TO
	{"416", "416", fixed | attribute, gln, nil},                                                                              // PROD/SERV LOC
	{"417", "417", fixed | attribute, gln, nil},                                                                              // PARTY
	{"420", "420", attribute, xTo20, []string{"421"}},                                                                        // SHIP TO POST
	{"421", "421", attribute, []part{{numeric, 3, 3, false, []check{iso3166}}, {set82, 1, 9, false, nil}}, []string{"4307"}}, // SHIP TO POST
	{"422", "422", attribute, country, []string{"426"}},                                                                      // ORIGIN
	{"423", "423", attribute, countries, []string{"426"}},                                                                    // COUNTRY - INITIAL PROCESS
	{"424", "424", attribute, country, []string{"426"}},                                                                      // COUNTRY - PROCESS
	{"425", "425", attribute, countries, []string{"426"}},                                                                    // COUNTRY - DISASSEMBLY
	{"426", "426", attribute, country, nil},                                                                                  // COUNTRY - FULL PROCESS
	{"427", "427", attribute, xTo3, nil},                                                                                     // ORIGIN SUBDIVISION
	{"4300", "4300", attribute, pcenc35, nil},                                                                                // SHIP TO COMP
	{"4301", "4301", attribute, pcenc35, nil},                                                                                // SHIP TO NAME
	{"4302", "4302", attribute, pcenc70, nil},                                                                                // SHIP TO ADD1
	{"4303", "4303", attribute, pcenc70, nil},                                                                                // SHIP TO ADD2
	{"4304", "4304", attribute, pcenc70, nil},                                                                                // SHIP TO SUB
	{"4305", "4305", attribute, pcenc70, nil},                                                                                // SHIP TO LOC
	{"4306", "4306", attribute, pcenc70, nil},                                                                                // SHIP TO REG
	{"4307", "4307", attribute, countryLetters, nil},                                                                         // SHIP TO COUNTRY
	{"4308", "4308", attribute, xTo30, nil},                                                                                  // SHIP TO PHONE
	{"4309", "4309", attribute, []part{{numeric, 10, 10, false, []check{latitude}}, {numeric, 10, 10, false, []check{longitude}}}, nil}, // SHIP TO GEO
	{"4310", "4310", attribute, pcenc35, nil},                               // RTN TO COMP
	{"4311", "4311", attribute, pcenc35, nil},                               // RTN TO NAME
	{"4312", "4312", attribute, pcenc70, nil},                               // RTN TO ADD1
	{"4313", "4313", attribute, pcenc70, nil},                               // RTN TO ADD2
	{"4314", "4314", attribute, pcenc70, nil},                               // RTN TO SUB
	{"4315", "4315", attribute, pcenc70, nil},                               // RTN TO LOC
	{"4316", "4316", attribute, pcenc70, nil},                               // RTN TO REG
	{"4317", "4317", attribute, countryLetters, nil},                        // RTN TO COUNTRY
	{"4318", "4318", attribute, xTo20, nil},                                 // RTN TO POST
	{"4319", "4319", attribute, xTo30, nil},                                 // RTN TO PHONE
	{"4320", "4320", attribute, pcenc35, nil},                               // SRV DESCRIPTION
	{"4321", "4321", attribute, yesNo, nil},                                 // DANGEROUS GOODS
	{"4322", "4322", attribute, yesNo, nil},                                 // AUTH TO LEAVE
	{"4323", "4323", attribute, yesNo, nil},                                 // SIG REQUIRED
	{"4324", "4324", attribute, minute, nil},                                // NOT BEF DEL DT
	{"4325", "4325", attribute, minute, nil},                                // NOT AFT DEL DT
	{"4326", "4326", attribute, exactDay, nil},                              // REL DATE
	{"4330", "4330", attribute, temperature, []string{"4331"}},              // MAX TEMP F.
	{"4331", "4331", attribute, temperature, []string{"4330"}},              // MAX TEMP C.
	{"4332", "4332", attribute, temperature, []string{"4333"}},              // MIN TEMP F.
	{"4333", "4333", attribute, temperature, []string{"4332"}},              // MIN TEMP C.
	{"7001", "7001", attribute, []part{{numeric, 13, 13, false, nil}}, nil}, // NSN
	{"7002", "7002", attribute, xTo30, nil},                                 // MEAT CUT
	{"7003", "7003", attribute, []part{{numeric, 6, 6, false, []check{yymmdd}}, {numeric, 4, 4, false, []check{hhmi}}}, nil},  // EXPIRY TIME
	{"7004", "7004", attribute, []part{{numeric, 1, 4, false, nil}}, nil},                                                     // ACTIVE POTENCY
	{"7005", "7005", attribute, []part{{set82, 1, 12, false, nil}}, nil},                                                      // CATCH AREA
	{"7006", "7006", attribute, exactDay, nil},                                                                                // FIRST FREEZE DATE
	{"7007", "7007", attribute, []part{{numeric, 6, 6, false, []check{yymmdd}}, {numeric, 6, 6, true, []check{yymmdd}}}, nil}, // HARVEST DATE
	{"7008", "7008", attribute, xTo3, nil},                                                                                    // AQUATIC SPECIES
	{"7009", "7009", attribute, xTo10, nil},                                                                                   // FISHING GEAR TYPE
	{"7010", "7010", attribute, []part{{set82, 1, 2, false, nil}}, nil},                                                       // PROD METHOD
	{"7011", "7011", attribute, []part{{numeric, 6, 6, false, []check{yymmdd}}, {numeric, 4, 4, true, []check{hhmi}}}, nil},   // TEST BY DATE
	{"7020", "7020", attribute, xTo20, nil},                                                                                   // REFURB LOT
	{"7021", "7021", attribute, xTo20, nil},                                                                                   // FUNC STAT
	{"7022", "7022", attribute, xTo20, nil},                                                                                   // REV STAT
	{"7023", "7023", attribute, xTo30gcp, nil},                                                                                // GIAI - ASSEMBLY
	{"7030", "7030", attribute, processor, nil},                                                                               // PROCESSOR # 0
	{"7031", "7031", attribute, processor, nil},                                                                               // PROCESSOR # 1
	{"7032", "7032", attribute, processor, nil},                                                                               // PROCESSOR # 2
	{"7033", "7033", attribute, processor, nil},                                                                               // PROCESSOR # 3
	{"7034", "7034", attribute, processor, nil},                                                                               // PROCESSOR # 4
	{"7035", "7035", attribute, processor, nil},                                                                               // PROCESSOR # 5
	{"7036", "7036", attribute, processor, nil},                                                                               // PROCESSOR # 6
	{"7037", "7037", attribute, processor, nil},                                                                               // PROCESSOR # 7
	{"7038", "7038", attribute, processor, nil},                                                                               // PROCESSOR # 8
	{"7039", "7039", attribute, processor, nil},                                                                               // PROCESSOR # 9
	{"7040", "7040", 0, []part{{numeric, 1, 1, false, nil}, {set82, 1, 1, false, nil}, {set82, 1, 1, false, nil}, {set82, 1, 1, false, []check{importeridx}}}, nil}, // UIC+EXT
	{"7041", "7041", 0, []part{{set82, 1, 4, false, []check{packagetype}}}, nil},                                                                                    // UFRGT UNIT TYPE
	{"710", "710", attribute, xTo20, nil},                                                            // NHRN PZN
	{"711", "711", attribute, xTo20, nil},                                                            // NHRN CIP
	{"712", "712", attribute, xTo20, nil},                                                            // NHRN CN
	{"713", "713", attribute, xTo20, nil},                                                            // NHRN DRN
	{"714", "714", attribute, xTo20, nil},                                                            // NHRN AIM
	{"715", "715", attribute, xTo20, nil},                                                            // NHRN NDC
	{"716", "716", attribute, xTo20, nil},                                                            // NHRN AIC
	{"717", "717", attribute, xTo20, nil},                                                            // NHRN SRN
	{"7230", "7230", attribute, certificate, nil},                                                    // CERT # 1
	{"7231", "7231", attribute, certificate, nil},                                                    // CERT # 2
	{"7232", "7232", attribute, certificate, nil},                                                    // CERT # 3
	{"7233", "7233", attribute, certificate, nil},                                                    // CERT # 4
	{"7234", "7234", attribute, certificate, nil},                                                    // CERT # 5
	{"7235", "7235", attribute, certificate, nil},                                                    // CERT # 6
	{"7236", "7236", attribute, certificate, nil},                                                    // CERT # 7
	{"7237", "7237", attribute, certificate, nil},                                                    // CERT # 8
	{"7238", "7238", attribute, certificate, nil},                                                    // CERT # 9
	{"7239", "7239", attribute, certificate, nil},                                                    // CERT # 10
	{"7240", "7240", attribute, xTo20, nil},                                                          // PROTOCOL
	{"7241", "7241", attribute, []part{{numeric, 2, 2, false, []check{mediatype}}}, nil},             // AIDC MEDIA TYPE
	{"7242", "7242", attribute, xTo25, nil},                                                          // VCN
	{"7250", "7250", attribute, []part{{numeric, 8, 8, false, []check{yyyymmdd}}}, []string{"7251"}}, // DOB
	{"7251", "7251", attribute, []part{{numeric, 8, 8, false, []check{yyyymmdd}}, {numeric, 4, 4, false, []check{hhmi}}}, []string{"7250"}}, // DOB TIME
	{"7252", "7252", attribute, []part{{numeric, 1, 1, false, []check{iso5218}}}, nil},                                                      // BIO SEX
	{"7253", "7253", attribute, pcenc40, []string{"7256", "7259"}},                                                                          // FAMILY NAME
	{"7254", "7254", attribute, pcenc40, []string{"7256", "7259"}},                                                                          // GIVEN NAME
	{"7255", "7255", attribute, xTo10, []string{"7256", "7259"}},                                                                            // SUFFIX
	{"7256", "7256", attribute, []part{{set82, 1, 90, false, []check{pcenc}}}, nil},                                                         // FULL NAME
	{"7257", "7257", attribute, pcenc70, nil},                                                                                               // PERSON ADDR
	{"7258", "7258", attribute, []part{{set82, 3, 3, false, []check{posinseqslash}}}, nil},                                                  // BIRTH SEQUENCE
	{"7259", "7259", attribute, pcenc40, []string{"7256"}},                                                                                  // BABY
	{"8001", "8001", attribute, []part{{numeric, 4, 4, false, []check{nonzero}}, {numeric, 5, 5, false, []check{nonzero}}, {numeric, 3, 3, false, []check{nonzero}}, {numeric, 1, 1, false, []check{winding}}, {numeric, 1, 1, false, nil}}, nil}, // DIMENSIONS
	{"8002", "8002", attribute, xTo20, nil}, // CMT No.
	{"8003", "8003", attribute, []part{{numeric, 1, 1, false, []check{zero}}, {numeric, 13, 13, false, []check{csum, gcppos1}}, {set82, 1, 16, true, nil}}, nil}, // GRAI
	{"8004", "8004", attribute, xTo30gcp, nil},                                     // GIAI
	{"8005", "8005", attribute, n6, nil},                                           // PRICE PER UNIT
	{"8006", "8006", attribute, piece, []string{"01", "37"}},                       // ITIP
	{"8007", "8007", attribute, []part{{set82, 1, 34, false, []check{iban}}}, nil}, // IBAN
	{"8008", "8008", attribute, []part{{numeric, 6, 6, false, []check{yymmdd}}, {numeric, 2, 2, false, []check{hh}}, {numeric, 2, 2, true, []check{mi}}, {numeric, 2, 2, true, []check{ss}}}, nil}, // PROD TIME
	{"8009", "8009", attribute, []part{{set82, 1, 50, false, nil}}, nil},                              // OPTSEN
	{"8010", "8010", attribute, []part{{set39, 1, 30, false, []check{gcppos1}}}, nil},                 // CPID
	{"8011", "8011", 0, []part{{numeric, 1, 12, false, []check{nozeroprefix}}}, nil},                  // CPID SERIAL
	{"8012", "8012", attribute, xTo20, nil},                                                           // VERSION
	{"8013", "8013", attribute, []part{{set82, 1, 25, false, []check{csumalpha, gcppos1}}}, nil},      // GMN
	{"8014", "8014", 0, []part{{set82, 1, 25, false, []check{csumalpha, gcppos1, hasnondigit}}}, nil}, // MUDI
	{"8017", "8017", attribute, gsrn, []string{"8018"}},                                               // GSRN - PROVIDER
	{"8018", "8018", attribute, gsrn, []string{"8017"}},                                               // GSRN - RECIPIENT
	{"8019", "8019", 0, []part{{numeric, 1, 10, false, nil}}, nil},                                    // SRIN
	{"8020", "8020", 0, xTo25, nil},                                                                   // REF No.
	{"8026", "8026", attribute, piece, []string{"02", "8006"}},                                        // ITIP CONTENT
	{"8030", "8030", attribute, []part{{set64, 1, 90, false, nil}}, nil},                              // DIGSIG
	{"8040", "8040", 0, n15, nil},                                                                     // IMEI
	{"8041", "8041", 0, n15, nil},                                                                     // IMEI2
	{"8042", "8042", 0, []part{{numeric, 32, 32, false, nil}}, nil},                                   // ESIM
	{"8043", "8043", 0, []part{{numeric, 18, 18, false, nil}, {numeric, 1, 2, true, nil}}, nil},       // PSIM
	{"8110", "8110", attribute, []part{{set82, 1, 70, false, []check{couponcode}}}, nil},              //
	{"8111", "8111", attribute, n4, nil},                                                              // POINTS
	{"8112", "8112", attribute, []part{{set82, 1, 70, false, []check{couponposoffer}}}, nil},          //
	{"8200", "8200", 0, []part{{set82, 1, 70, false, nil}}, nil},                                      // PRODUCT URL
	{"90", "90", attribute, xTo30, nil},                                                               // INTERNAL
	{"91", "99", attribute, []part{{set82, 1, 90, false, nil}}, nil},                                  // INTERNAL
}

// linkKeys is the same dictionary's "dlpkey".
//
//nolint:gochecknoglobals // a table that never changes
var linkKeys = []linkKey{
	{"00", nil},
	{"01", []string{"22", "10", "21"}},
	{"01", []string{"235"}},
	{"253", nil},
	{"255", nil},
	{"401", nil},
	{"402", nil},
	{"414", []string{"254"}},
	{"414", []string{"7040"}},
	{"415", []string{"8020"}},
	{"417", []string{"7040"}},
	{"8003", nil},
	{"8004", []string{"7040"}},
	{"8006", []string{"22", "10", "21"}},
	{"8010", []string{"8011"}},
	{"8013", nil},
	{"8017", []string{"8019"}},
	{"8018", []string{"8019"}},
}
